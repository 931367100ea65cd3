"""Executes a notebook and writes what came out: `python run_notebook.py IN.ipynb OUT.ipynb`."""

import sys

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from traitlets import default


class SocketFileKernel(AsyncKernelManager):
    """A kernel that is not reachable from outside this user's processes."""

    @default("transport")
    def _by_a_file(self) -> str:
        return "ipc"


def main(source: str, result: str) -> None:
    notebook = nbformat.read(source, as_version=4)
    client = NotebookClient(notebook, kernel_name="python3", timeout=160)
    client.kernel_manager_class = SocketFileKernel
    client.execute()
    nbformat.write(notebook, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
