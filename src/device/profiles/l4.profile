# NVIDIA L4 (AD104, 2023). Its 72 W keep it well below the boost clock under sustained load.
kind                  = cuda
name                  = NVIDIA L4
compute               = 8.9           | vendor: table of CUDA GPUs
multiprocessors       = 58            | vendor: 7424 cores, 128 to a multiprocessor
clock                 = 2040 MHz      | derived: 30.3 TFLOP/s of the data sheet over 7424 cores, two each
l1                    = 128 KiB       | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 8.9
shared_multiprocessor = 100 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
shared_block          = 99 KiB        | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
threads               = 1536          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.9
l2                    = 48 MiB        | vendor: Ada architecture paper, AD104
memory                = 24 GiB        | vendor: 24 GB GDDR6
bandwidth             = 300 GB/s      | vendor: data sheet
