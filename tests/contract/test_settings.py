"""The example of the daemons' environment lists every setting there is."""

import re


def test_every_variable_the_daemons_read_is_in_the_example(repository):
    sources = [*(repository / "shared/foa/src/foa").rglob("*.py")]
    read = {name for path in sources for name in re.findall(r'envvar="(\w+)"', path.read_text())}
    example = (repository / "deploy/systemd/foa.env").read_text()
    listed = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert read == {"FOA_SITE", "FOA_LISTEN"}
    assert read <= listed
