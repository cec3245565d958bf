namespace Lur.Tests.Bindings;

/// <summary>Makes shared libraries that stand for NVIDIA's.</summary>
internal static class FalseLibrary
{
    /// <summary>Exports what a usable NVRTC has.</summary>
    public const string Nvrtc =
        "int nvrtcVersion(int* a, int* b) { *a = 12; *b = 0; return 0; } int nvrtcGetCUBIN(void) { return 0; } "
        + "int nvrtcGetSupportedArchs(int* a) { return 0; }";

    /// <summary>Exports what a usable cuBLAS has.</summary>
    public const string Blas = "int cublasCreate_v2(void) { return 0; } int cublasSetWorkspace_v2(void) { return 0; }";

    /// <summary>Compiles C to a library; skips the test where there is no compiler.</summary>
    /// <param name="file">The library.</param>
    /// <param name="source">C.</param>
    /// <param name="options">More of the compiler's.</param>
    public static void Build(string file, string source, params string[] options)
    {
        var compiler = new[] { "gcc", "g++", "clang" }
            .SelectMany(c => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(p => Path.Combine(p, c)))
            .FirstOrDefault(File.Exists);
        if (compiler is null)
            Assert.Ignore("Not run: no C compiler to make a false library with.");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var text = file + ".c";
        File.WriteAllText(text, source);
        var built = ChildProcess.Run(compiler!, ["-shared", "-fPIC", "-xc", text, "-o", file, .. options]);
        Assert.That(built.ExitCode, Is.Zero, $"building a false library: {built.Error}");
        File.Delete(text);
    }
}
