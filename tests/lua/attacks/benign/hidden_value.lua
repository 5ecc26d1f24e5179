-- expect: values [6]
2 * 3;
