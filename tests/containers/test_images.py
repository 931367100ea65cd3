"""What is in the images, and what is not."""

import pytest
from chaos.compose import IMAGES, docker, image_sizes

pytestmark = pytest.mark.timeout(2400)  # the first test builds
LARGEST_MB = {"memory": 250, "gossip": 250, "meta": 900, "client": 900}


async def run_in(image: str, command: str) -> str:
    return await docker("run", "--rm", "--entrypoint", "sh", f"scarcity-{image}", "-c", command)


async def test_images_are_small_enough(images: None) -> None:
    sizes = await image_sizes()
    print(*(f"\nimage {name}: {size:.0f} MB" for name, size in sizes.items()), sep="")
    assert {n: s for n, s in sizes.items() if s > LARGEST_MB.get(n, 900)} == {}


@pytest.mark.parametrize("image", IMAGES)
async def test_an_image_runs_as_nobody_in_particular_and_has_no_compiler(
    images: None, image: str
) -> None:
    found = await run_in(image, "id -u; command -v gcc cc clang make || echo none")
    assert found.split() == ["10001", "none"]


@pytest.mark.parametrize("image", IMAGES)
async def test_only_the_client_has_torch(images: None, image: str) -> None:
    command = "python -c 'import importlib.util as u; print(bool(u.find_spec(\"torch\")))'"
    assert (await run_in(image, command)).strip() == str(image == "client")


@pytest.mark.parametrize("image", ["memory", "gossip"])
async def test_memory_and_gossip_have_no_arrays_either(images: None, image: str) -> None:
    command = "python -c 'import importlib.util as u; print(u.find_spec(\"numpy\"))'"
    assert (await run_in(image, command)).strip() == "None"


@pytest.mark.parametrize("image", ["memory", "gossip", "meta", "monitor"])
async def test_a_planned_stop_before_any_broker_answers_is_heard(images: None, image: str) -> None:
    name = f"scarcity-test-alone-{image}"
    await docker("run", "-d", "--read-only", "--tmpfs", "/tmp", "--name", name, f"scarcity-{image}")
    try:
        while "waits for the broker" not in await docker("exec", name, "sh", "-c", READ):
            pass
        await docker("stop", "-t", "60", name)
        assert (await docker("inspect", "-f", "{{.State.ExitCode}}", name)).strip() == "0"
    finally:
        await docker("rm", "-f", name)


READ = "cat /tmp/heartbeat 2>/dev/null || true"
