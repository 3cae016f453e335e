"""What asks the machine: processor, memory, disk, clocks, folders."""
