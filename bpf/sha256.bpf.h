struct sha256 {int x;};
static long sha256_kernel(struct sha256 *s, const void *data, __u64 size, __u8 digest[32]) { return -38; }
