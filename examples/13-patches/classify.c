/* classify WEIGHTS.safetensors IMAGES.csv EXPECTED.txt
 *
 * Classifies the images that training has not seen (every fifth line of the file) and compares their scores with those
 * of EXPECTED.txt; exit status 1 if they differ. */
#include "patches.h"

#include <math.h>
#include <stdio.h>

enum { PIXELS = 64, CLASSES = 10, MOST = 400 };

static float image[MOST][PIXELS], score[MOST][CLASSES];
static int label[MOST];

static int fail(const char *what) {
  fprintf(stderr, "classify: %s\n", what);
  return 2;
}

/* Every fifth line; the number of images. */
static int read_images(FILE *file) {
  int count = 0, value;
  for (int line = 0; count < MOST; ++line) {
    for (int i = 0; i < PIXELS; ++i) {
      if (fscanf(file, "%d,", &value) != 1)
        return count;
      image[count][i] = (float)value / 16;
    }
    if (fscanf(file, "%d", &label[count]) != 1)
      return count;
    count += line % 5 == 4;
  }
  return count;
}

int main(int argc, char **argv) {
  patches *model;
  patches_context *context;
  FILE *file = argc == 4 ? fopen(argv[2], "r") : NULL, *expected = argc == 4 ? fopen(argv[3], "r") : NULL;
  int count, right = 0;
  double most = 0, value;
  if (!file || !expected)
    return fail("usage: classify WEIGHTS.safetensors IMAGES.csv EXPECTED.txt");
  count = read_images(file);
  fclose(file);

  if (patches_create(&model, 0))
    return fail("this processor lacks what the model was compiled for");
  if (patches_load(model, argv[1]) || patches_context_create(&context, model, 0))
    return fail(patches_error(model));
  if (patches_forward(context, count, image[0], score[0]))
    return fail(patches_context_error(context));

  for (int i = 0; i < count; ++i) {
    int best = 0;
    for (int c = 0; c < CLASSES; ++c) {
      if (fscanf(expected, "%lf", &value) != 1)
        return fail("there are too few expected scores");
      most = fmax(most, fabs(score[i][c] - value));
      best = score[i][c] > score[i][best] ? c : best;
    }
    right += best == label[i];
  }
  fclose(expected);
  patches_context_destroy(context);
  patches_destroy(model);

  printf("%d of %d images are right: %.1f %%\n", right, count, 100.0 * right / count);
  printf("%d scores, largest difference from timm below 1e-4: %s\n", count * CLASSES, most < 1e-4 ? "yes" : "no");
  return count < 1 || most >= 1e-4;
}
