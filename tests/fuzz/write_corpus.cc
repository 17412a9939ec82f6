// Writes the valid models of models.h and a few convolutions into DIR/load, DIR/tensor,
// DIR/conv_desc.
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fuzz/models.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace convoy;
  const std::filesystem::path root = argv[1];
  const auto write = [&](const char* target, const char* name, const std::string& bytes) {
    std::filesystem::create_directories(root / target);
    std::ofstream(root / target / name, std::ios::binary) << bytes;
  };
  write("load", "convolution", test::convolution_model());
  write("load", "shape", test::shape_model());
  write("load", "arithmetic", test::arithmetic_model());
  write("tensor", "float", test::float_tensor("w", {2, 2}, {1, 2, 3, 4}).bytes());
  write("tensor", "int64", test::int64_tensor("axes", {0, -1}).bytes());
  write("conv_desc", "convoy", "n128 c3 h227 w227 k96 r11 s11 stride4 pad0");
  write("conv_desc", "onednn", "mb1_g32ic32oc32_ih112oh112kh3sh1dh0ph1_n\"x\"");
}
