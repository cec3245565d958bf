using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Lur.Native.Exports;
using Lur.Tests.Architecture;

namespace Lur.Tests.CInterface;

/// <summary>What the file exports and needs, and that no exception can leave it.</summary>
public partial class NativeLibraryTests
{
    private const string Programs = "tests/Lur.Tests/CInterface/Programs";

    [Test]
    public void ItExportsWhatTheMapListsAndTheHeaderDeclares()
    {
        var map = Listed()
            .Matches(Repository.Read("src/Lur.Native/front/lur.map"))
            .Select(m => m.Groups[1].Value)
            .Order(StringComparer.Ordinal);
        var header = Declared().Matches(Repository.Read("src/Lur.Native/include/lur.h")).Select(m => m.Groups[1].Value);
        var symbols = Read("--dyn-syms")
            .Split('\n')
            .Select(l => Defined().Match(l))
            .Where(m => m.Success)
            .Select(m => m.Groups[1].Value)
            .Order(StringComparer.Ordinal);
        Assert.That(symbols, Is.EqualTo(map));
        Assert.That(header.Order(StringComparer.Ordinal), Is.EqualTo(map));
        Assert.That(map, Is.All.StartsWith("lur_"));
    }

    [Test]
    public void ItNamesItselfStaysLoadedAndNeedsTheCLibraryOnly()
    {
        var dynamic = Read("-d");
        Assert.That(dynamic, Does.Contain("soname: [liblur.so.0]"));
        Assert.That(dynamic, Does.Contain("NODELETE"));
        string[] needed = [.. Needed().Matches(dynamic).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal)];
        Assert.That(needed, Is.SubsetOf(new[] { "ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0" }));
    }

    [Test]
    public void NothingInItLooksForOpenSsl()
    {
        // The system's own way to it ends the process, with a line on standard error, where there is none. What is compiled ahead of
        // time has the name as long as one method can reach it: System.Text.Json did (substitutions.xml).
        var library = File.ReadAllBytes(NativeBuild.Library);
        Assert.That(library.AsSpan().IndexOf("libssl"u8), Is.EqualTo(-1));
        Assert.That(library.AsSpan().IndexOf("lur_version"u8), Is.Not.EqualTo(-1), "a name in it is found");
    }

    [Test]
    public void ItStaysSmallBesideTheKernelsInIt()
    {
        var kernels = Repository.Files("kernels", ".cu", ".cuh").Sum(f => new FileInfo(Path.Combine(Repository.Root, f)).Length);
        Assert.That(kernels, Is.GreaterThan(100_000));
        Assert.That(new FileInfo(NativeBuild.Library).Length - kernels, Is.LessThan(6_000_000));
    }

    [Test]
    public void AFloatThatIsReturnedSurvivesTheSearchForTheThread()
    {
        if (RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64)
            Assert.Ignore("Not run: front/tls.c is for x86-64.");
        string[] sources = [$"{Programs}/returned.c", "src/Lur.Native/front/tls.c"];
        // The stack below the function is not left alone by the call.
        var program = NativeBuild.CompileTo(
            Path.Combine(NativeBuild.Scratch, "returned"),
            [.. sources, "-mno-red-zone", "-no-pie", "-Wl,--wrap=pthread_attr_setstacksize"]
        );
        Assert.That(ChildProcess.Run(program, []).ExitCode, Is.Zero);
    }

    [Test]
    public void NothingInItLooksForTheThreadButThroughTheGuardOfFloats()
    {
        if (ChildProcess.TryRun("objdump", ["-d", "--no-show-raw-insn", NativeBuild.Library]) is not { ExitCode: 0 } code)
        {
            Assert.Ignore("Not run: objdump (binutils) is missing.");
            return;
        }

        var lines = code.Output.Split('\n');
        int[] calls =
        [
            .. Enumerable.Range(0, lines.Length).Where(i => lines[i].Contains("<__tls_get_addr@plt>", StringComparison.Ordinal)),
        ];
        int[] made = [.. calls.Where(i => lines[i].Contains("call", StringComparison.Ordinal))];
        Assert.That(made, Has.Length.EqualTo(1));
        Assert.That(lines[made[0] - 1], Does.Contain("movups %xmm1,0x10(%rsp)"));
    }

    [Test]
    public void OneFunctionLeadsIntoManagedCode()
    {
        var ways =
            from type in typeof(EntryPoint).Assembly.GetTypes()
            from method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            where method.GetCustomAttribute<UnmanagedCallersOnlyAttribute>() is not null
            select $"{type.Name}.{method.Name}";
        Assert.That(ways, Is.EqualTo(new[] { "EntryPoint.Call" }));
    }

    [Test]
    public unsafe void WhateverAnOperationThrowsIsACodeAndASentence()
    {
        // Without arguments and without an object every operation fails in its own way; none may throw.
        var text = stackalloc byte[512];
        foreach (var operation in Enum.GetValues<Operation>().Append((Operation)(-1)).Append((Operation)1000))
        {
            if (operation == Operation.Doctor || operation == Operation.Start)
                continue; // need no object
            var (arguments, failure) = (default(Arguments), new Failure { Text = text, Capacity = 512 });
            text[0] = 0;
            var code = EntryPoint.Guarded(operation, 0, &arguments, &failure);
            Assert.That(code, Is.Not.Zero, $"{operation}");
            Assert.That(text[0], Is.Not.Zero, $"{operation}");
        }
    }

    [Test]
    public unsafe void ATextIsCutBetweenCharacters()
    {
        var buffer = stackalloc byte[8];
        Utf8.Write("abcdeü", buffer, 7);
        Assert.That(Marshal.PtrToStringUTF8((nint)buffer), Is.EqualTo("abcde"));
        Utf8.Write("abcdeü", buffer, 8);
        Assert.That(Marshal.PtrToStringUTF8((nint)buffer), Is.EqualTo("abcdeü"));
    }

    private static string Read(string what)
    {
        if (ChildProcess.TryRun("readelf", ["-W", what, NativeBuild.Library]) is { ExitCode: 0 } result)
            return result.Output;
        Assert.Ignore("Not run: readelf (binutils) is missing.");
        return "";
    }

    [GeneratedRegex(@"^\s+(lur_\w+);", RegexOptions.Multiline)]
    private static partial Regex Listed();

    [GeneratedRegex(@"^(?:int32_t|size_t|const char\*) (lur_\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Declared();

    [GeneratedRegex(@"(?:FUNC|OBJECT|NOTYPE|TLS)\s+(?:GLOBAL|WEAK)\s+\w+\s+\d+\s+([^\s@]+)")]
    private static partial Regex Defined();

    [GeneratedRegex(@"\(NEEDED\)\s+Shared library: \[(.*?)\]")]
    private static partial Regex Needed();
}
