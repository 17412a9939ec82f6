#include "device/isa.h"

#include <cstdlib>
#include <mutex>

#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/isa.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

std::int64_t compiled_target() { return HWY_TARGET; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {
namespace {

HWY_EXPORT(compiled_target);

constexpr std::int64_t kScalarTargets = HWY_SCALAR | HWY_EMU128;
constexpr Isa kIsas[] = {
    {HWY_AVX3, "AVX-512", "avx512", 64, 192e9},   {HWY_AVX2, "AVX2", "avx2", 32, 96e9},
    {HWY_SSE4, "SSE4", "sse4", 16, 24e9},         {HWY_NEON, "NEON", "neon", 16, 48e9},
    {kScalarTargets, "scalar", "scalar", 4, 6e9},
};

}  // namespace

std::vector<Isa> available_isas() {
  // With a limit in force SupportedTargets() names that one target alone.
  const std::int64_t limited = hwy::SupportedTargets();
  hwy::SetSupportedTargetsForTest(0);
  const std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  hwy::SetSupportedTargetsForTest(limited);
  std::vector<Isa> isas;
  for (const Isa& isa : kIsas) {
    if ((targets & isa.target) != 0) isas.push_back(isa);
  }
  return isas;
}

void limit_isa(std::string_view key) {
  std::string known;
  std::int64_t limit = key.empty() ? 0 : -1;
  for (const Isa& isa : available_isas()) {
    known += (known.empty() ? "" : ", ") + std::string(isa.key);
    if (isa.key == key) limit = isa.target;
  }
  if (limit < 0) {
    fail(ErrorCode::kInvalidArgument, "instruction set '" + std::string(key) +
                                          "' is not one that this CPU and build have: " + known);
  }
  // Despite its name the one call that chooses a target; DisableTargets cannot be undone.
  hwy::SetSupportedTargetsForTest(limit);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void apply_isa_environment() {
  static std::once_flag once;
  std::call_once(once, [] {
    const char* key = std::getenv("CONVOY_ISA");
    if (key == nullptr || *key == '\0') return;
    try {
      limit_isa(key);
    } catch (const Error& error) {
      fail(error.code(), std::string("CONVOY_ISA: ") + error.what());
    }
  });
}

const Isa& running_isa() {
  const std::int64_t target = HWY_DYNAMIC_DISPATCH(compiled_target)();
  for (const Isa& isa : kIsas) {
    if ((isa.target & target) != 0) return isa;
  }
  fail(ErrorCode::kInternal, "vector code runs on a target without a name");
}

}  // namespace convoy
#endif
