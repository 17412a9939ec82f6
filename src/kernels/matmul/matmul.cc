#include "kernels/registry.h"

namespace convoy {

ImplementationList matmul_implementations(Op) { return {}; }

}  // namespace convoy
