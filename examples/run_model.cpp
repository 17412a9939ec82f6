// Runs an ONNX model on a constant input: run_model MODEL.onnx
#include <convoy/convoy.hpp>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: run_model MODEL.onnx\n");
    return 2;
  }
  try {
    const convoy::Model model(argv[1]);
    convoy::Session session(model, {.threads = 2});
    std::vector<float> image(session.input(0).elements(), 0.5f);
    std::vector<float> scores(session.output(0).elements());
    session.run({image.data()}, {scores.data()});
    std::printf("%s: first of %zu values %g, %zu bytes of activations\n",
                session.output(0).name.c_str(), scores.size(), static_cast<double>(scores[0]),
                session.arena_bytes());
  } catch (const convoy::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
