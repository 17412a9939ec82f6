#include "base/dtype.h"

namespace convoy {

std::string_view to_string(DType t) {
  constexpr std::string_view kNames[] = {"f32", "f64", "f16", "bf16", "s8",  "u8",  "s16",
                                         "u16", "s32", "u32", "s64",  "u64", "bool"};
  return kNames[static_cast<int>(t)];
}

}  // namespace convoy
