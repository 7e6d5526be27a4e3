"""Choose where networks run: on the CPU, or on a CUDA device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam4ct.errors import WeightsError

if TYPE_CHECKING:
    import torch


def choose_device(wanted: str) -> str:
    """Return "cpu" or "cuda:N".

    Args:
        wanted: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".

    Raises:
        WeightsError: The machine does not have the wanted CUDA device.
    """
    import torch

    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return "cpu"
    number = 0 if wanted in ("auto", "cuda") else int(wanted.partition(":")[2])
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number >= count:
        raise WeightsError(
            f"--device {wanted}: PyTorch sees {count} CUDA devices. Check nvidia-smi; give a"
            " container its GPU (docker run --gpus all, apptainer run --nv); or use the CPU:"
            " --device cpu, in a container also -e SAM4CT_DEVICE=cpu."
        )
    return f"cuda:{number}"


def precision(device: torch.device, *, bf16: bool) -> torch.autocast:
    """Return a context in which networks compute in bfloat16, where a CUDA device supports it.

    Args:
        device: Device of the network.
        bf16: Whether bfloat16 is wanted. Without it, and on other devices, they use float32.
    """
    import torch

    wanted = bf16 and device.type == "cuda"
    use = wanted and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=use)


def device_name(device: str) -> str:
    """Return a readable name of the device, e.g. "NVIDIA A100-SXM4-80GB"."""
    import torch

    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    return f"CPU, {torch.get_num_threads()} threads"
