namespace Lur.Cuda.Loading;

/// <summary>A native library is missing or unusable. The message is one sentence: what was tried and the remedy.</summary>
/// <param name="message">The sentence.</param>
public sealed class CudaLibraryException(string message) : DllNotFoundException(message);
