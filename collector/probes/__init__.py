"""What cgroups did: eBPF at the context switch, or the kernel's own CPU accounting.

Each probe is a `collector.model.Probe`; `choice.choose_probe` takes the best that works here and
says why not the better ones.
"""
