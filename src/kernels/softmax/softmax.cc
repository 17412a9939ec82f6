#include "kernels/registry.h"

namespace convoy {

ImplementationList softmax_implementations() { return {}; }

}  // namespace convoy
