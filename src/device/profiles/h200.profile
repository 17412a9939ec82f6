# NVIDIA H200 SXM 141 GB (2024). Measured beside what is nominal here: 65.2 TFLOP/s of f32
# multiply-adds (nominal 66.9), 3.97 TB/s for a copy's reads and writes. Cost models count the nominal
# figures, as the driver says them, and know what part of them is reached.
kind                  = cuda
name                  = NVIDIA H200
compute               = 9.0           | vendor: table of CUDA GPUs
multiprocessors       = 132           | measured: as the driver says
clock                 = 1980 MHz      | measured: as the driver says
l1                    = 256 KiB       | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 9.0
shared_multiprocessor = 228 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
shared_block          = 227 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
threads               = 2048          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
l2                    = 60 MiB        | measured: as the driver says
memory                = 139 GiB       | measured: about, as the driver says; the data sheet has 141 GB
bandwidth             = 4.8 TB/s      | vendor: data sheet
