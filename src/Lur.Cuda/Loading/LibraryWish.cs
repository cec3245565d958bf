namespace Lur.Cuda.Loading;

/// <summary>What a program asks of the native libraries. They serve a process and not an object, so the first who computes decides:
/// <see cref="NativeLibraries.Settle"/>.</summary>
/// <param name="Device"><c>cuda</c>, <c>host</c>, or empty for what LUR_DEVICE says, else for the GPU where there is one.</param>
/// <param name="Threads">Threads of the host driver; 0 for LUR_HOST_THREADS, else for the cores that the process may use.</param>
/// <param name="IgnoreEnvironment">True where no variable of the environment may decide anything.</param>
public sealed record LibraryWish(string Device = "", int Threads = 0, bool IgnoreEnvironment = false);
