#include "kernels/registry.h"

namespace convoy {

ImplementationList reduce_implementations() { return {}; }

}  // namespace convoy
