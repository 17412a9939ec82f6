# NVIDIA GeForce RTX 4090 (AD102, 2022).
kind                  = cuda
name                  = NVIDIA GeForce RTX 4090
compute               = 8.9           | vendor: table of CUDA GPUs
multiprocessors       = 128           | vendor: 16384 cores, 128 to a multiprocessor
clock                 = 2520 MHz      | vendor: boost
l1                    = 128 KiB       | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 8.9
shared_multiprocessor = 100 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
shared_block          = 99 KiB        | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
threads               = 1536          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
l2                    = 72 MiB        | vendor: Ada architecture paper
memory                = 24 GiB        | vendor: 24 GB GDDR6X
bandwidth             = 1008 GB/s     | vendor: 384 bits at 21 Gbit/s
