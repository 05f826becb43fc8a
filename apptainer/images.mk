# Images: `make images`, `make image-SERVICE`. Each is made anew when its definition, its lock or its sources have changed.

include apptainer/versions.env
IMAGES  := $(BUILD)/images
STACKS  := $(IMAGES)/stacks
WHEELS  := $(IMAGES)/wheels
BUILDER := UV=$(abspath $(BUILD)/uv) apptainer/build.sh

# what a stack imports while it is built, so that numba's machine code is in the image
IMPORTS_foa := numpy
IMPORTS_lstchain := lstchain.tools.lstchain_dl1_to_dl2 lstchain.tools.lstchain_create_dl3_file
IMPORTS_gammapy := gammapy.makers baccmod

images: $(patsubst %,$(IMAGES)/%.sif,$(SERVICES) foa)  ## build, sign and verify the image of every stage, and that of the daemons
$(patsubst %,image-%,$(SERVICES) foa): image-%: $(IMAGES)/%.sif

apptainer: $(ENVS)/operator/lock.txt  ## install Apptainer where it is missing (as root)
	@if [ $$(id -u) = 0 ]; then PYTHON=$(abspath $(BIN)/python) apptainer/install.sh; \
	  else command -v apptainer > /dev/null || { echo "no apptainer here: let root run 'make apptainer'"; exit 1; }; fi

$(IMAGES)/key.pem:
	@mkdir -p $(IMAGES)
	openssl genpkey -quiet -algorithm ed25519 -out $@ && openssl pkey -in $@ -pubout -out $(IMAGES)/key.pub

# from a registry where REGISTRY is set, else from Debian's archive, by the mirror of this host
ifdef REGISTRY
BASE_FROM = BOOTSTRAP=docker FROM=$(REGISTRY_IMAGE)
else
BASE_FROM = BOOTSTRAP=debootstrap SUITE=$(SUITE) \
  MIRROR=$$(apt-get indextargets --format '$$(SITE)' 'Created-By: Packages' | head -n 1)
endif

$(STACKS)/base.sif: apptainer/base.def apptainer/versions.env | apptainer
	@mkdir -p $(STACKS)
	$(BUILDER) $@ $< $(BASE_FROM)

$(STACKS)/%.sif: deploy/locks/%.txt apptainer/stack.def $(STACKS)/base.sif | $(UV)
	$(BUILDER) $@ apptainer/stack.def BASE=$(STACKS)/base.sif LOCK=$< "IMPORTS=$(IMPORTS_$*)"

# wheels: of a stage its package and the stage library, of the daemons all; made anew when a file of them has changed
files_of = $(shell find $1 -type f -not -path '*/__pycache__/*')
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' shared/foa/src/foa/__init__.py)
build_wheels = @rm -rf $(WHEELS)/$1 && for package in $2; do \
	  $(UV) build --quiet --wheel --out-dir $(WHEELS)/$1 $$package || exit 1; done; touch $@

$(WHEELS)/foa.stamp: $(call files_of,shared/stage shared/foa services) | $(UV)
	$(call build_wheels,foa,shared/stage shared/foa $(addprefix services/,$(SERVICES)))

# their version is that of foa
$(WHEELS)/%.stamp: $$(call files_of,shared/stage services/$$*) shared/foa/src/foa/__init__.py | $(UV)
	$(call build_wheels,$*,shared/stage services/$*)

# arguments that every image takes, of a service or the daemons, from a lock
labels = WHEELS=$(WHEELS)/$1 VERSION=$(VERSION) REVISION=$$(git rev-parse HEAD) LOCK=$2 STACK=$(STACKS)/$2.sif \
	LOCK_DIGEST=$$(sha256sum deploy/locks/$2.txt | cut -c 1-64)
sign = apptainer -q sign --key $(IMAGES)/key.pem $@ && apptainer -q verify --key $(IMAGES)/key.pub $@

.SECONDARY:
$(IMAGES)/foa.sif: apptainer/foa.def $(STACKS)/foa.sif $(WHEELS)/foa.stamp | $(IMAGES)/key.pem
	$(BUILDER) $@ $< $(call labels,foa,foa)
	$(sign)

$(IMAGES)/%.sif: apptainer/service.def $(STACKS)/$$(call lock_of,$$*).sif $(WHEELS)/%.stamp | $(IMAGES)/key.pem
	$(BUILDER) $@ $< $(call labels,$*,$(call lock_of,$*)) NAME=$* PACKAGE=foa_$(subst -,_,$*) \
	  TEST=services/$*/image_test.py
	$(sign)

bench-images: env images  ## size and start-up of the images against the environments
	$(BIN)/python -m foa_testing.benchmarks.image_costs deploy/sites/demo.yaml $(IMAGES)
