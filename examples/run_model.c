/* Runs an ONNX model on a constant input: run_model MODEL.onnx */
#include <convoy/convoy.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(void) {
  fprintf(stderr, "%s\n", convoy_last_error());
  return 1;
}

static size_t elements(const convoy_tensor_info* info) {
  size_t product = 1;
  for (int i = 0; i < info->rank; ++i) product *= (size_t)info->dims[i];
  return product;
}

int main(int argc, char** argv) {
  convoy_model* model = NULL;
  convoy_session* session = NULL;
  convoy_tensor_info in, out;
  if (argc != 2) {
    fprintf(stderr, "usage: run_model MODEL.onnx\n");
    return 2;
  }
  convoy_tensor_info_init(&in);
  convoy_tensor_info_init(&out);
  if (convoy_model_load(argv[1], &model) != CONVOY_OK) return fail();
  if (convoy_session_create(model, NULL, &session) != CONVOY_OK) return fail();
  if (convoy_session_input(session, 0, &in) != CONVOY_OK) return fail();
  if (convoy_session_output(session, 0, &out) != CONVOY_OK) return fail();

  float* image = malloc(elements(&in) * sizeof(float));
  float* scores = malloc(elements(&out) * sizeof(float));
  if (image == NULL || scores == NULL) return 1;
  for (size_t i = 0; i < elements(&in); ++i) image[i] = 0.5f;
  const void* inputs[] = {image};
  void* outputs[] = {scores};
  if (convoy_session_run(session, inputs, 1, outputs, 1) != CONVOY_OK) return fail();
  printf("%s: first of %zu values %g\n", out.name, elements(&out), scores[0]);

  free(image);
  free(scores);
  convoy_session_free(session);
  convoy_model_free(model);
  return 0;
}
