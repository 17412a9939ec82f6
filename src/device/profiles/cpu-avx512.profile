# A server CPU with AVX-512 and sixteen cores: no one machine, but what such machines have in common.
kind                  = cpu
name                  = generic AVX-512
isa                   = AVX-512
vector                = 64 B          | derived: 512 bits
cores                 = 16            | typical: half a socket
l1                    = 48 KiB        | typical: Xeon from the 3rd generation
l2                    = 1 MiB         | typical: Zen 4; Xeon has 1.25 MiB and 2 MiB
l3                    = 32 MiB        | typical: 2 MiB a core
flops_core            = 192 GFLOP/s   | derived: two multiply-adds of 16 f32 a cycle at 3 GHz
l2_bandwidth_core     = 96 GB/s       | derived: half a vector a cycle at 3 GHz, as is assumed of any CPU
bandwidth             = 160 GB/s      | typical: eight channels of DDR4-3200, 204.8 GB/s, of which four fifths are reached
