using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Unlearning;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Tests.Golden;

/// <summary>Whole methods against an independent program, write_methods.py: weights and running statistics after a run.</summary>
public class MethodFixtureTests
{
    // Both sides in double. A weight ends after at most 56 steps, each a gradient through 8 layers of sums over at most
    // 5 x 42 positions x 27 taps, of which roundings add up as their root, 75: 56 x 8 x 75 = 3e4 roundings of 1e-16,
    // which add up as their root.
    private const double Tolerance = 1e-12;
    private static readonly string[] s_loop = ["lr", "0.02", "batch", "5", "no-augment", "true"];
    private static readonly string[] s_pair = ["forget-batch", "3", "alpha", "0.05", "lambda", "0.3", "trim-batches", "2"];

    private static readonly string[] s_memory = [.. s_loop, "batch", "3", "lambda", "0.05", "trim", "0.9", "margin", "0.02"];

    /// <summary>Case of the fixture, method, options; the numbers of CASES in write_methods.py.</summary>
    private static readonly (string Case, string Method, string[] Options)[] s_runs =
    [
        ("trim_global", "lur", [.. s_loop, .. s_pair, "epochs", "0", "trim", "0.7"]),
        ("trim_eligible", "lur", [.. s_loop, .. s_pair, "epochs", "0", "trim", "0.8", "trim-scope", "eligible"]),
        ("trim_compat", "lur", [.. s_loop, .. s_pair, "epochs", "0", "trim", "0.5", "compat", "true"]),
        ("lur", "lur", [.. s_loop, .. s_pair, "epochs", "2", "trim", "0.9"]),
        (
            "lur_compat",
            "lur",
            [.. s_loop, .. s_pair, "epochs", "2", "trim", "0.9", "trim-batches", "1", "trim-scope", "eligible", "compat", "true"]
        ),
        (
            "scrub",
            "scrub",
            [.. s_loop, "forget-batch", "3", "epochs", "3", "max-epochs", "2", "alpha", "0.4", "gamma", "0.7", "temperature", "3"]
        ),
        (
            "scrub_compat",
            "scrub",
            [
                .. s_loop,
                "forget-batch",
                "3",
                "epochs",
                "2",
                "max-epochs",
                "1",
                "alpha",
                "0.05",
                "gamma",
                "0.9",
                "temperature",
                "4",
                "compat",
                "true",
            ]
        ),
        ("boundary_shrink", "boundary-shrink", [.. s_loop, "batch", "3", "epochs", "2", "epsilon", "0.1"]),
        ("boundary_shrink_compat", "boundary-shrink", [.. s_loop, "batch", "3", "epochs", "2", "epsilon", "0.03", "compat", "true"]),
        ("boundary_expand", "boundary-expand", [.. s_loop, "batch", "3", "epochs", "2"]),
        ("boundary_expand_compat", "boundary-expand", [.. s_loop, "batch", "3", "epochs", "2", "compat", "true"]),
        ("rl", "rl", [.. s_loop, "no-augment", "false", "epochs", "2"]),
        ("rl_any", "rl", [.. s_loop, "no-augment", "false", "epochs", "2", "label-draw", "any"]),
        ("rl_concat", "rl", [.. s_loop, "epochs", "2", "relabel", "concat"]),
        ("retrain", "retrain", [.. s_loop, "epochs", "2", "schedule", "constant"]),
        ("ft", "ft", [.. s_loop, "epochs", "2"]),
        ("l1_sparse", "l1-sparse", [.. s_loop, "epochs", "3", "plain-epochs", "1", "l1", "0.01"]),
        ("ga", "ga", [.. s_loop, "batch", "3", "epochs", "3"]),
        ("neggrad", "neggrad", [.. s_loop, "epochs", "2", "lambda", "0.3"]),
        ("scissorhands", "scissorhands", [.. s_memory, "epochs", "5"]),
        ("scissorhands_two", "scissorhands", [.. s_memory, "epochs", "8", "memory", "2", "project-every", "2"]),
        ("salun", "salun", [.. s_loop, "batch", "3", "epochs", "2", "mask-ratio", "0.5"]),
        ("salun_compat", "salun", [.. s_loop, "batch", "3", "epochs", "2", "mask-ratio", "0.3", "compat", "true"]),
        ("salun_soft", "salun-soft", [.. s_loop, "lr", "0.05", "batch", "3", "epochs", "2", "mask-ratio", "0.5"]),
        ("salun_soft_batch", "salun-soft", [.. s_loop, "lr", "0.05", "batch", "3", "epochs", "2", "mask-ratio", "0.4", "relabel", "batch"]),
        ("fisher", "fisher", ["alpha", "1e-10"]),
        ("fisher_compat", "fisher", ["alpha", "1e-10", "compat", "true"]),
        ("fisher_new", "fisher", ["form", "fisher-new", "alpha", "1e-6"]),
        ("fisher_new_batch", "fisher", ["form", "fisher-new", "alpha", "1e-6", "fisher-batch", "4"]),
        ("influence", "iu", ["alpha", "3", "samples", "1000"]),
        ("influence_short", "iu", ["alpha", "3", "samples", "5"]),
        ("influence_inverse", "iu", ["iu", "woodbury", "alpha", "3", "samples", "1000", "damping", "0.1"]),
        ("ssd", "ssd", ["alpha", "1.2", "lambda", "0.8"]),
        ("ssd_batch", "ssd", ["alpha", "1.1", "lambda", "1", "fisher-batch", "4"]),
    ];

    private static IEnumerable<TestCaseData> Runs =>
        s_runs.Select(r => new TestCaseData(r.Case, r.Method, r.Options).SetArgDisplayNames(r.Case));

    [TestCaseSource(nameof(Runs))]
    public void AgreesWithTheProgram(string name, string method, string[] options)
    {
        var fixture = Fixture.Open("methods");
        // --compat changes the images of some methods at random, as the model's training did: not here.
        using var model = CreateModel(fixture, options.Contains("compat") ? Augmentation.None : Augmentation.CropAndFlip);
        using var data = new FixtureData(fixture);
        var start = model.Parameters.ToArray();
        using var run = MethodScope.Create(new UnlearningTask(model, data, SetOf(fixture, data), 7), method, options);
        var (reports, _) = MethodScope.RunAll(run);

        AssertModel(fixture, name, model, start);
        if (options.Contains("trim"))
        {
            var facts = fixture.Doubles(name + "/facts");
            Assert.That(Fact(reports, "reset"), Is.EqualTo(facts[0]));
            Assert.That(Fact(reports, "threshold"), Is.EqualTo(facts[1]).Within(Tolerance * facts[1]));
        }
        else if (method == "ssd")
            Assert.That(Fact(reports, "dampened"), Is.EqualTo(fixture.Doubles(name + "/facts")[0]));
    }

    [Test]
    public void TrainingAgreesWithTheProgram()
    {
        var fixture = Fixture.Open("methods");
        using var model = CreateModel(fixture, Augmentation.CropAndFlip);
        using var data = new FixtureData(fixture);
        var start = model.Parameters.ToArray();
        var options = new TrainingOptions
        {
            Epochs = 2,
            BatchSize = 5,
            LearningRate = 0.03,
            Schedule = "cosine",
            Seed = 7,
        };
        using var trainer = new Trainer(model, data, [.. Enumerable.Range(0, data.Count)], options);
        while (trainer.Step < trainer.Steps)
            trainer.RunStep();
        AssertModel(fixture, "train", model, start);
        Assert.That(model.BatchesTracked, Is.EqualTo(10), "every step is one batch of the running statistics");
    }

    [Test]
    public void EveryCaseOfTheFileIsTested() =>
        Assert.That(
            Fixture.Open("methods").Names.Where(n => n.Contains("/parameters/")).Select(n => n.Split('/')[0]).Distinct(),
            Is.EquivalentTo(s_runs.Select(r => r.Case).Append("train"))
        );

    private static void AssertModel(Fixture fixture, string name, Model model, double[] start)
    {
        // Of the largest weight; the test must see the change, not only the weights.
        var expected = fixture.Vector(name + "/parameters", model.Parameters.Layout);
        Errors.AssertClose(model.Parameters.ToArray(), expected, Tolerance, "weights");
        Assert.That(expected.Zip(start, (a, b) => Math.Abs(a - b)).Max(), Is.GreaterThan(1e6 * Tolerance), "the run moves the weights");
        Errors.AssertClose(
            model.Buffers.ToArray(),
            fixture.Vector(name + "/statistics", model.Buffers.Layout),
            Tolerance,
            "running statistics"
        );
    }

    private static double Fact(IReadOnlyList<PreparationReport> reports, string name) =>
        reports.Single().Facts.Single(f => f.Name == name).Value;

    private static Model CreateModel(Fixture fixture, Augmentation augmentation)
    {
        var shape = fixture.Shape("images");
        var classes = Enumerable.Range(0, fixture.Shape("parameters/fc.bias")[0]).Select(i => $"c{i}").ToArray();
        var spec = ResNetSpec.Parse(fixture.Metadata["architecture"], classes.Length, shape[2], shape[3], shape[1]);
        var normalization = new InputNormalization(fixture.Doubles("normalize/mean"), fixture.Doubles("normalize/std"));
        var model = new Model(TestDevices.Default, Precision.Float64, ResNet.Build(spec), spec.ToString(), classes, normalization)
        {
            Augmentation = augmentation,
        };
        model.Parameters.Set(fixture.Vector("parameters", model.Parameters.Layout));
        model.Buffers.Set(fixture.Vector("buffers", model.Buffers.Layout));
        return model;
    }

    private static ForgetSet SetOf(Fixture fixture, IImageDataset data)
    {
        using var folder = new TempFolder();
        var list = folder.Write("forget.txt", string.Join('\n', fixture.Longs("forget")));
        var set = ForgetSet.Resolve([list], data, [.. Enumerable.Range(0, data.Count)], 1);
        Assert.That(set.WholeClasses, Is.EqualTo(new[] { 2 }), "one class as a whole, parts of others");
        return set;
    }

    private sealed class FixtureData(Fixture fixture) : IImageDataset
    {
        private readonly byte[] _images = fixture.Bytes("images");
        private readonly long[] _labels = fixture.Longs("labels");
        private readonly int[] _shape = fixture.Shape("images");

        public string Name => "fixture";

        public int Count => _shape[0];

        public int Channels => _shape[1];

        public int Height => _shape[2];

        public int Width => _shape[3];

        public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, 10).Select(i => $"c{i}")];

        public int Label(int index) => (int)_labels[index];

        public void CopyImage(int index, Span<byte> chw) => _images.AsSpan(index * chw.Length, chw.Length).CopyTo(chw);

        public void Dispose() { }
    }
}
