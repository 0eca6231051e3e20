/* One system call by the 32-bit way in, whose number is another call's for 64-bit programs: close is 6, lstat there. */
int main(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(6), "b"(77) : "memory", "r8", "r9", "r10", "r11");
	return result != -9;
}
