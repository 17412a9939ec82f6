# NVIDIA RTX A4000 (GA104, 2021): the Ampere of the FCM paper, whose own description of it has 96
# multiprocessors; the vendor's 48 are here.
kind                  = cuda
name                  = NVIDIA RTX A4000
compute               = 8.6           | vendor: table of CUDA GPUs
multiprocessors       = 48            | vendor: 6144 cores, 128 to a multiprocessor
clock                 = 1560 MHz      | derived: 19.2 TFLOP/s of the data sheet over 6144 cores, two each
l1                    = 128 KiB       | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 8.6
shared_multiprocessor = 100 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.6
shared_block          = 99 KiB        | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.6
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.6
threads               = 1536          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.6
l2                    = 4 MiB         | vendor: GA104, 4 MB
memory                = 16 GiB        | vendor: 16 GB GDDR6
bandwidth             = 448 GB/s      | vendor: data sheet
