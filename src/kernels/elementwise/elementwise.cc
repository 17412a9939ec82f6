#include "kernels/registry.h"

namespace convoy {

ImplementationList elementwise_implementations(Op) { return {}; }

}  // namespace convoy
