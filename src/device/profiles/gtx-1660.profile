# NVIDIA GeForce GTX 1660 (TU116, 2019): the Turing of the FCM paper.
kind                  = cuda
name                  = NVIDIA GeForce GTX 1660
compute               = 7.5           | vendor: table of CUDA GPUs
multiprocessors       = 22            | vendor: 1408 cores, 64 to a multiprocessor
clock                 = 1785 MHz      | vendor: boost
l1                    = 96 KiB        | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 7.5
shared_multiprocessor = 64 KiB        | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 7.5
shared_block          = 64 KiB        | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 7.5
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 7.5
threads               = 1024          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 7.5
l2                    = 1536 KiB      | vendor: Turing TU116, 1.5 MB
memory                = 6 GiB         | vendor: 6 GB GDDR5
bandwidth             = 192 GB/s      | vendor: 192 bits at 8 Gbit/s
