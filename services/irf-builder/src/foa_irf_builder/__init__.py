"""The irf-builder: instrument response of every test MC node, made once."""
