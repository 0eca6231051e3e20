/* A 32-bit program without a library: it lives for two and a half seconds. */
void _start(void)
{
	struct { int s, ns; } time = { 2, 500000000 };
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(162), "b"(&time), "c"(0) : "memory");
	__asm__ volatile("int $0x80" : : "a"(1), "b"(0));
	for (;;)
		;
}
