#!/bin/sh
# install.sh NAME: packages of /locks/NAME.txt into /opt/scarcity, by their hashes.
# install.sh torch REQUIREMENT BACKEND: torch alone, from a wheel in /wheels or by uv.
# Runs while an image is built. What only developers of those packages need is left out.
set -eu
packages=/opt/scarcity/lib/python3.11/site-packages
python=/opt/scarcity/bin/python
name=$1

if [ "$name" = torch ]; then
  if ls /wheels/torch-*.whl >/dev/null 2>&1; then
    pip --python "$python" install --quiet --no-deps --no-index --no-compile /wheels/torch-*.whl
  else
    uv pip install --quiet --python "$python" --no-deps --torch-backend "$3" "$2"
  fi
  rm -rf "$packages/torch/include" "$packages/torch/test" "$packages/torch/share"
  find "$packages/torch/bin" -type f ! -name torch_shm_manager -delete
  # A fifth of the library are names of its inner functions, which only a debugger reads.
  strip --strip-unneeded "$packages/torch/lib/libtorch_cpu.so"
  exit
fi

# Two steps, so that hashes are checked and nothing is built with what has none.
pip wheel --quiet --require-hashes --no-build-isolation --wheel-dir "/built/$name" -r "/locks/$name.txt"
pip --python "$python" install --quiet --no-deps --no-index --no-compile "/built/$name"/*.whl
rm -rf "/built/$name"
for package in numpy scipy sympy networkx; do
  [ -d "$packages/$package" ] && find "$packages/$package" -type d -name tests -prune -exec rm -rf {} +
done
# The root file system of a container is read-only, so what it imports is compiled here. Of the large
# packages it imports a part: they are compiled by importing them once.
"$python" -m compileall -q -x 'site-packages/(torch|torchgen|functorch|sympy|networkx|scipy)/' "$packages"
if [ -d "$packages/torch" ]; then "$python" -W ignore -c 'import torch, torch.func'; fi
if [ -d "$packages/dp_accounting" ]; then
  "$python" -c 'from dp_accounting.pld import privacy_loss_distribution'
fi
