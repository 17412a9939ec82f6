// The entries of this cell, each defined in the file of its algorithm.
#pragma once

#include "kernels/registry.h"

namespace convoy {

extern const Implementation kConvIm2winF32, kConvIm2winF64;                  // window_entries.cc
extern const Implementation kConvDirectF32, kConvDirectF64;                  // window_entries.cc
extern const Implementation kConvIm2winExplicitF32, kConvIm2winExplicitF64;  // window_entries.cc
extern const Implementation kConvReference;                                  // reference.cc

}  // namespace convoy
