# Images: `make images`, `make image-SERVICE`. Each is made anew when its definition, its lock or the sources have changed.

include apptainer/versions.env
IMAGES  := $(BUILD)/images
STACKS  := $(IMAGES)/stacks
WHEELS  := $(IMAGES)/wheels
BUILDER := UV=$(abspath $(BUILD)/uv) apptainer/build.sh

# what a stack imports while it is built, so that numba's machine code is in the image
IMPORTS_selector := numpy
IMPORTS_lstchain := lstchain.tools.lstchain_dl1_to_dl2 lstchain.tools.lstchain_create_dl3_file
IMPORTS_gammapy := gammapy.makers baccmod

images: $(patsubst %,$(IMAGES)/%.sif,$(SERVICES))  ## build, sign and verify the image of every service
$(patsubst %,image-%,$(SERVICES)): image-%: $(IMAGES)/%.sif

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

# a wheel of each package, made anew when a file of it has changed
$(WHEELS)/%.stamp: $$(shell find $$(if $$(filter shared,$$*),shared,services/$$*) -type f -not -path '*/__pycache__/*') | $(UV)
	$(UV) build --quiet --wheel --out-dir $(WHEELS) $(if $(filter shared,$*),shared,services/$*)
	@touch $@

.SECONDARY:
$(IMAGES)/%.sif: apptainer/%.def $(STACKS)/$$(LOCK_$$*).sif $(WHEELS)/shared.stamp $(WHEELS)/%.stamp apptainer/versions.env \
  | $(IMAGES)/key.pem
	$(BUILDER) $@ $< STACK=$(STACKS)/$(LOCK_$*).sif WHEELS=$(WHEELS) VERSION=$(IMAGE_VERSION) \
	  REVISION=$$(git rev-parse HEAD) LOCK=$(LOCK_$*) LOCK_DIGEST=$$(sha256sum deploy/locks/$(LOCK_$*).txt | cut -c 1-64)
	apptainer -q sign --key $(IMAGES)/key.pem $@ && apptainer -q verify --key $(IMAGES)/key.pub $@

bench-images: env images  ## size and start-up of the images against the environments
	$(BIN)/python -m foa.testing.image_costs deploy/sites/demo.yaml $(IMAGES)
