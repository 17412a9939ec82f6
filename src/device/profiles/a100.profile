# NVIDIA A100 SXM 80 GB (GA100, 2020).
kind                  = cuda
name                  = NVIDIA A100-SXM4-80GB
compute               = 8.0           | vendor: table of CUDA GPUs
multiprocessors       = 108           | vendor: data sheet
clock                 = 1410 MHz      | vendor: boost
l1                    = 192 KiB       | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 8.0
shared_multiprocessor = 164 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.0
shared_block          = 163 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.0
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.0
threads               = 2048          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.0
l2                    = 40 MiB        | vendor: A100 architecture paper
memory                = 80 GiB        | vendor: 80 GB HBM2e
bandwidth             = 2039 GB/s     | vendor: data sheet
