# NVIDIA Jetson AGX Orin 64 GB at its highest power (2022): the embedded GPU of the FCM paper. Memory
# is shared with the CPU.
kind                  = cuda
name                  = NVIDIA Jetson AGX Orin
compute               = 8.7           | vendor: table of CUDA GPUs
multiprocessors       = 16            | vendor: technical brief, 2048 cores, 128 to a multiprocessor
clock                 = 1300 MHz      | vendor: technical brief, maximum
l1                    = 192 KiB       | vendor: CUDA C++ Programming Guide, unified data cache of compute capability 8.7
shared_multiprocessor = 164 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.7
shared_block          = 163 KiB       | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.7
registers             = 65536         | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.7
threads               = 1536          | vendor: CUDA C++ Programming Guide, technical specifications of compute capability 8.7
l2                    = 4 MiB         | vendor: technical brief, L2 of the GPU
memory                = 64 GiB        | vendor: 64 GB LPDDR5
bandwidth             = 204.8 GB/s    | vendor: 256 bits of LPDDR5
