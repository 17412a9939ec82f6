# A desktop CPU with AVX2 and eight cores: no one machine, but what such machines have in common.
kind                  = cpu
name                  = generic AVX2
isa                   = AVX2
vector                = 32 B          | derived: 256 bits
cores                 = 8             | typical: Zen 2 and 3, Core i7
l1                    = 32 KiB        | typical: Zen 2 and 3, Core up to the 10th generation
l2                    = 512 KiB       | typical: Zen 2 and 3
l3                    = 32 MiB        | typical: Zen 3 with eight cores
flops_core            = 96 GFLOP/s    | derived: two multiply-adds of 8 f32 a cycle at 3 GHz
l2_bandwidth_core     = 48 GB/s       | derived: half a vector a cycle at 3 GHz, as is assumed of any CPU
bandwidth             = 40 GB/s       | typical: two channels of DDR4-3200, 51.2 GB/s, of which four fifths are reached
