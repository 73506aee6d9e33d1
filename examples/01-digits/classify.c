/* classify WEIGHTS.safetensors IMAGES.csv
 *
 * Classifies the images that training has not seen (every fifth line of the file), all in one call, shows a few of them
 * and says how many are right. Exit status 1 if fewer than 96 % are. */
#include "digits.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIXELS = 64, CLASSES = 10, MOST = 2000 };

static float image[MOST][PIXELS], score[MOST][CLASSES];
static int64_t label[MOST];

/* Reads every fifth line; the number of images, or -1. */
static int64_t read_images(const char *path) {
  FILE *file = fopen(path, "r");
  int64_t count = 0;
  if (!file)
    return -1;
  for (int64_t line = 0; count < MOST; ++line) {
    int value;
    for (int i = 0; i < PIXELS; ++i) {
      if (fscanf(file, "%d,", &value) != 1) {
        fclose(file);
        return count;
      }
      image[count][i] = (float)value / 16;
    }
    if (fscanf(file, "%d", &value) != 1)
      break;
    label[count] = value;
    count += line % 5 == 4;
  }
  fclose(file);
  return -1;
}

static int best(const float *scores) {
  int result = 0;
  for (int c = 1; c < CLASSES; ++c)
    if (scores[c] > scores[result])
      result = c;
  return result;
}

static void show(int64_t first, int64_t count) {
  for (int row = 0; row < 8; ++row, putchar('\n'))
    for (int64_t i = first; i < first + count; ++i, printf("  "))
      for (int column = 0; column < 8; ++column)
        putchar(" .:+#@"[(int)(image[i][row * 8 + column] * 5)]);
  for (int64_t i = first; i < first + count; ++i)
    printf("    %d     ", best(score[i]));
  printf("\n\n");
}

int main(int argc, char **argv) {
  digits *model;
  digits_context *context;
  int64_t count, right = 0;
  if (argc != 3) {
    fprintf(stderr, "usage: classify WEIGHTS.safetensors IMAGES.csv\n");
    return 2;
  }
  count = read_images(argv[2]);
  if (count < 10) {
    fprintf(stderr, "%s: is no file of images\n", argv[2]);
    return 2;
  }

  if (digits_create(&model, 0) != NN_OK) {
    fprintf(stderr, "the model can not be created on this machine\n");
    return 2;
  }
  if (digits_load(model, argv[1]) != NN_OK) {
    fprintf(stderr, "%s\n", digits_error(model));
    return 2;
  }
  if (digits_context_create(&context, model, 0) != NN_OK) {
    fprintf(stderr, "%s\n", digits_error(model));
    return 2;
  }
  /* B is known at the call: the same library takes one image or thousands. */
  if (digits_forward(context, count, &image[0][0], &score[0][0]) != NN_OK) {
    fprintf(stderr, "%s\n", digits_context_error(context));
    return 2;
  }
  digits_context_destroy(context);
  digits_destroy(model);

  show(0, 10);
  for (int64_t i = 0; i < count; ++i)
    right += best(score[i]) == label[i];
  printf("%d of %d images are right: %.1f %%\n", (int)right, (int)count, 100.0 * (double)right / (double)count);
  return right * 100 >= count * 96 ? 0 : 1;
}
