# NVIDIA H100 SXM 80 GB (GH100, 2022).
kind                  = cuda
name                  = NVIDIA H100 80GB HBM3
compute               = 9.0           | vendor: table of CUDA GPUs
multiprocessors       = 132           | vendor: H100 architecture paper, SXM5
clock                 = 1980 MHz      | derived: 67 TFLOP/s of the data sheet over 16896 cores, two each
l1                    = 256 KiB       | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 9.0
shared_multiprocessor = 228 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
shared_block          = 227 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
threads               = 2048          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 9.0
l2                    = 50 MiB        | vendor: H100 architecture paper
memory                = 80 GiB        | vendor: 80 GB HBM3
bandwidth             = 3.35 TB/s     | vendor: data sheet
