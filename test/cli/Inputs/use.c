/* A user of digits.so: C99 and C++. Prints what went wrong and fails, or prints "good". */
#include "digits.h"

#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                           \
      return 1;                                                                                                        \
    }                                                                                                                  \
  } while (0)

int main(void) {
  const float image[6] = {1, 0, 0, 1, 1, 1}, g = 2.5f;
  const float mean[3] = {1, 1, 1};
  const uint8_t mask[3] = {0, 0, 1};
  float out[4] = {0, 0, 0, 0}, scale = 0;
  double numbers[8];
  int64_t B = 2;
  const void *arguments[4];
  digits *model = NULL;
  digits_context *context = NULL;
  nn_parameter_info info;

  CHECK(digits_abi_version() > 0);
  CHECK(strstr(digits_manifest(), "\"digits_forward\"") != NULL);
  CHECK(digits_create(&model, 1) == NN_OK && model != NULL);
  CHECK(digits_parameter_count(model) == 4);
  CHECK(digits_parameter_info(model, 0, &info) == NN_OK);
  CHECK(strcmp(info.path, "fc1.weight") == 0 && info.rank == 2 && info.shape[0] == 2 && info.shape[1] == 3);
  CHECK(digits_context_create(&context, model, 1) == NN_OK);
  CHECK(digits_context_set_threads(context, 2) == NN_OK);

  CHECK(digits_forward(context, B, image, 0, out) == NN_OK);
  CHECK(out[0] == 1 && out[1] == 4 && out[2] == 6 && out[3] == 15);
  CHECK(digits_forward(context, 0, image, 0, out) == NN_OK);
  CHECK(digits_forward(context, -1, image, 0, out) == NN_INVALID);
  CHECK(digits_forward(context, 1 << 21, image, 0, out) == NN_INVALID);
  CHECK(strstr(digits_context_error(context), "B is too large") != NULL);

  memset(out, 0, sizeof out);
  arguments[0] = &B;
  arguments[1] = image;
  arguments[2] = &scale;
  arguments[3] = out;
  CHECK(digits_call(context, "forward", (void *const *)arguments) == NN_OK);
  CHECK(out[0] == 1 && out[1] == 4 && out[2] == 6 && out[3] == 15);
  CHECK(digits_call(context, "backward", (void *const *)arguments) == NN_INVALID);

  CHECK(digits_scalars(context, 0.1, 65535, -3, 1, -70000, INT64_MIN, &g, mask, numbers) == NN_OK);
  CHECK(numbers[0] == 0.1 && numbers[1] == 65535 && numbers[2] == -3 && numbers[3] == 1 && numbers[4] == -70000);
  CHECK(numbers[5] == (double)INT64_MIN && numbers[6] == 2.5 && numbers[7] == 1);
  CHECK(digits_scalars(context, 0.1, 0, 0, 0, 0, 0, NULL, NULL, numbers) == NN_OK);
  CHECK(numbers[6] == -1 && numbers[7] == -1);

  CHECK(digits_learn(context, mean) == NN_OK);
  CHECK(digits_forward(context, B, image, 0, out) == NN_OK);
  CHECK(out[0] == -5 && out[2] == 0);
  digits_context_destroy(context);
  digits_destroy(model);
  puts("good");
  return 0;
}
