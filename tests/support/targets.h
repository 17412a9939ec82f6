// Runs a test on every instruction set that this machine has, so that vector code for older CPUs is
// tested too.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "device/isa.h"

namespace convoy::testing {

template <class F>
void for_each_isa(F&& f) {
  const std::string before(running_isa().key);
  for (const Isa& isa : available_isas()) {
    SCOPED_TRACE(std::string(isa.name));
    limit_isa(isa.key);
    ASSERT_EQ(running_isa().key, isa.key);
    f();
  }
  limit_isa(before);
}

}  // namespace convoy::testing
