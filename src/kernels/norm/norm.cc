#include "kernels/registry.h"

namespace convoy {

ImplementationList norm_implementations(Op) { return {}; }

}  // namespace convoy
