using Lur.Generators;

namespace Lur.Tests.Generators;

/// <summary>What the launcher generator reads from CUDA text, and what it refuses.</summary>
public class SignatureParserTests
{
    [Test]
    public void ASignatureIsReadAcrossLinesCommentsAndQualifiers()
    {
        var kernel = Parse(
                """
                // file.cu - header.

                // Adds, a < b.
                // Second line.
                KERNEL COOPERATIVE add_all(real* __restrict__ y, /* in */ const real *const x,
                                           const unsigned long long* counts, unsigned n, accum scale) { }
                """
            )
            .Single();
        Assert.That(kernel.Name, Is.EqualTo("add_all"));
        Assert.That(kernel.Cooperative);
        Assert.That(kernel.Summary, Is.EqualTo("Adds, a &lt; b. Second line."));
        Assert.That(
            kernel.Parameters.Select(p => (p.Name, p.Type, p.IsPointer, p.IsConst, p.IsRestrict)),
            Is.EqualTo(
                new[]
                {
                    ("y", "real", true, false, true),
                    ("x", "real", true, true, false),
                    ("counts", "unsigned long long", true, true, false),
                    ("n", "unsigned", false, false, false),
                    ("scale", "accum", false, false, false),
                }
            )
        );
    }

    [Test]
    public void CommentedOutKernelsAndMacrosAreNotKernels() =>
        Assert.That(
            Parse("// KERNEL a(int n)\n/* KERNEL b(int n) */\n#define MAKE(x) \\\n    KERNEL x(int n)\nKERNEL c() {}\n")
                .Select(k => k.Name),
            Is.EqualTo(["c"])
        );

    [Test]
    public void AGeometryIsReadFromAHeaderAndTakenByValue()
    {
        var errors = new List<SignatureError>();
        const string header =
            "// Header.\n\n// Sizes, N < 2.\nstruct ImageGeometry {\n    int N, /* rows */ H;\n    long long stride; // of rows\n};\n";
        var geometry = GeometryParser.Parse(header + "struct Other { real x; };", errors).Single();
        Assert.That(errors, Is.Empty);
        Assert.That((geometry.Name, geometry.Summary), Is.EqualTo(("ImageGeometry", "Sizes, N &lt; 2.")));
        Assert.That(geometry.Fields, Is.EqualTo(new[] { ("int", "N"), ("int", "H"), ("long long", "stride") }));
        var kernel = SignatureParser.Parse("KERNEL f(real* y, ImageGeometry dim, int n) {}", errors, ["ImageGeometry"]).Single();
        Assert.That(kernel.Parameters.Select(p => p.IsGeometry), Is.EqualTo([false, true, false]));
        Assert.That(errors, Is.Empty);
        SignatureParser.Parse("KERNEL f(ImageGeometry* dim) {}", errors, ["ImageGeometry"]);
        Assert.That(errors.Single().Message, Does.Contain("'ImageGeometry* dim' of kernel f"));
    }

    [Test]
    public void AGeometryHoldsIntegersOnly()
    {
        var errors = new List<SignatureError>();
        const string header = "struct BadGeometry { int N; real scale; };";
        GeometryParser.Parse(header, errors);
        var error = errors.Single();
        Assert.That(header.Substring(error.Offset, error.Length), Is.EqualTo("real scale"));
        Assert.That(error.Message, Does.Contain("BadGeometry").And.Contain("int and long long"));
    }

    [TestCase("KERNEL f(real** x) {}", "real** x")]
    [TestCase("KERNEL f(int n, struct S s) {}", "struct S s")]
    [TestCase("KERNEL f(float4* x) {}", "float4* x")]
    [TestCase("KERNEL f(int) {}", "int")]
    [TestCase("KERNEL f(real& x) {}", "real& x")]
    public void AnUnknownParameterIsAnErrorAtItsPlace(string text, string parameter)
    {
        var errors = new List<SignatureError>();
        SignatureParser.Parse(text, errors);
        var error = errors.Single();
        Assert.That(text.Substring(error.Offset, error.Length), Is.EqualTo(parameter));
        Assert.That(error.Message, Does.Contain($"'{parameter}' of kernel f").And.Contain("unsigned long long"));
    }

    [TestCase("KERNEL __launch_bounds__(256) f(int n) {}")]
    [TestCase("KERNEL f;")]
    [TestCase("template <int N> KERNEL (int n)")]
    public void WhatIsNoSignatureIsAnErrorAtTheKeyword(string text)
    {
        var errors = new List<SignatureError>();
        Assert.That(SignatureParser.Parse(text, errors), Is.Empty);
        Assert.That(errors.Single().Offset, Is.EqualTo(text.IndexOf("KERNEL", StringComparison.Ordinal)));
    }

    [Test]
    public void TwoKernelsOfOneNameAreAnError()
    {
        var errors = new List<SignatureError>();
        SignatureParser.Parse("KERNEL f(int n) {}\nKERNEL f(int n, int m) {}", errors);
        Assert.That(errors.Single().Message, Does.Contain("f is defined 2 times"));
    }

    [Test]
    public void LaunchersKeepTheOrderAndTellUpperFromLowerCase()
    {
        var text = LauncherWriter.Launchers(
            "a/b_c.cu",
            "BC",
            Parse("KERNEL b_c_do(real* y, double* __restrict__ s, int N, int n, real x_y, int shape) {}")
        );
        Assert.That(
            text,
            Does.Contain(
                "public void BCDo(LaunchShape shape, DevicePointer<Real> @y, DevicePointer<double> @s, int @n, int @n_, double "
                    + "@xY, int @shape_)"
            )
        );
        Assert.That(
            text,
            Does.Contain("StoreReal(slots + 4, @xY);")
                .And.Contain("*(int*)(slots + 3) = @n_;")
                .And.Contain("Launch(0, shape, slots, 6, 0x3, 0x2, 0x0)")
        );
    }

    private static List<KernelSignature> Parse(string text)
    {
        var errors = new List<SignatureError>();
        var kernels = SignatureParser.Parse(text, errors);
        Assert.That(errors.Select(e => e.Message), Is.Empty);
        return kernels;
    }
}
