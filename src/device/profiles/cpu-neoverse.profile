# An Arm server CPU with Neoverse N1 cores, as AWS Graviton2 is.
kind                  = cpu
name                  = Arm Neoverse N1
isa                   = NEON
vector                = 16 B          | vendor: Neoverse N1 Software Optimization Guide, 128 bits
cores                 = 64            | vendor: Graviton2
l1                    = 64 KiB        | vendor: Neoverse N1 Technical Reference Manual
l2                    = 1 MiB         | vendor: Graviton2, of each core
l3                    = 32 MiB        | vendor: Graviton2, system cache
flops_core            = 40 GFLOP/s    | derived: two multiply-adds of 4 f32 a cycle at 2.5 GHz
l2_bandwidth_core     = 20 GB/s       | derived: half a vector a cycle at 2.5 GHz, as is assumed of any CPU
bandwidth             = 160 GB/s      | derived: eight channels of DDR4-3200, 204.8 GB/s, of which four fifths are reached
