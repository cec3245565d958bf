using System.Globalization;
using Lur.Tasks.Classification;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Options of the methods as records: from C#, where messages name properties, and from text, where they name options.</summary>
public class OptionTests
{
    private static readonly IReadOnlyDictionary<string, string> s_none = new Dictionary<string, string>();

    private static IEnumerable<string> Methods => MethodCatalog.Classification.Select(m => m.Name);

    private static IEnumerable<(OptionRecord Options, string Sentence, string OnTheCommandLine)> Refused() =>
        [
            (
                new SalUnOptions { MaskRatio = 0 },
                "SalUnOptions.MaskRatio is 0; it must be above 0 and at most 1.",
                "Option --mask-ratio is 0; it must be above 0 and at most 1."
            ),
            (
                new FineTuneOptions { LearningRate = -0.5 },
                "FineTuneOptions.LearningRate is -0.5; it must be above 0.",
                "Option --lr is -0.5; it must be above 0."
            ),
            (
                new LurOptions { Trim = new() { Sparsity = 1 } },
                "LurOptions.Trim.Sparsity is 1; it must be in [0, 1); 0 skips trimming.",
                "Option --trim is 1; it must be in [0, 1); 0 skips trimming."
            ),
            (
                new LurOptions { RetainWeight = 0, Lambda = 0 },
                "LurOptions.RetainWeight is 0; it must be above 0 when Lambda is 0.",
                "Option --retain-weight is 0; it must be above 0 when --lambda is 0."
            ),
            (
                new LurOptions { MicroBatch = 4 },
                "LurOptions.MicroBatch 4 splits a batch whose own statistics normalise it, which would change the loss; add BatchNorm "
                    + "frozen, or save memory with Recompute.",
                "Option --micro-batch 4 splits a batch whose own statistics normalise it, which would change the loss; add --bn frozen, "
                    + "or save memory with --recompute."
            ),
            (
                new ScrubOptions { Epochs = 1 },
                "ScrubOptions.MaxEpochs is 2; it must be from 0 to Epochs, which is 1.",
                "Option --max-epochs is 2; it must be from 0 to --epochs, which is 1."
            ),
            (
                new SparseFineTuneOptions { PlainEpochs = 11 },
                "SparseFineTuneOptions.PlainEpochs is 11; it must be from 0 to Epochs, which is 10.",
                "Option --plain-epochs is 11; it must be from 0 to --epochs, which is 10."
            ),
            (
                new TrainingOptions { Momentum = 0 },
                "TrainingOptions.Momentum is 0; it must be above 0 with Nesterov.",
                "Option --momentum is 0; it must be above 0 with Nesterov."
            ),
        ];

    [TestCaseSource(nameof(Refused))]
    public void AValueOutOfRangeIsNamedByItsProperty((OptionRecord Options, string Sentence, string OnTheCommandLine) c)
    {
        var e = Assert.Throws<OptionException>(c.Options.Validate)!;
        Assert.That((e.Message, e.Spell()), Is.EqualTo((c.Sentence, c.OnTheCommandLine)));
    }

    [Test]
    public void AConstructorRefusesBeforeItTakesMemory()
    {
        using MethodScope scope = new();
        var before = scope.Model.Device.LiveBytes;
        var task = scope.Task;
        Func<UnlearningMethod>[] wrong =
        [
            () => new LearningToUnlearn(task, new LurOptions { Alpha = -1 }),
            () => new ScissorHands(task, new ScissorHandsOptions { Memories = 0 }),
            () => new SalUn(task, new SalUnOptions { MaskRatio = 2 }),
            () => new SalUnSoft(task, new SalUnSoftOptions { MaskRatio = -1 }),
            () => new Retrain(task, new RetrainOptions { Epochs = -1 }),
            () => new FineTune(task, new FineTuneOptions { BatchSize = 0 }),
            () => new GradientAscent(task, new GradientAscentOptions { Momentum = 1 }),
            () => new RandomLabel(task, new RandomLabelOptions { WeightDecay = -1 }),
            () => new NegGradPlus(task, new NegGradPlusOptions { Lambda = double.NaN }),
            () => new SparseFineTune(task, new SparseFineTuneOptions { Penalty = -1 }),
            () => new InfluenceUnlearning(task, new InfluenceUnlearningOptions { Damping = 0 }),
            () => new BoundaryShrink(task, new BoundaryShrinkOptions { Epsilon = 2 }),
            () => new BoundaryExpand(task, new BoundaryExpandOptions { LearningRate = 0 }),
            () => new FisherForgetting(task, new FisherForgettingOptions { FisherBatch = 0 }),
            () => new SelectiveSynapticDampening(task, new SelectiveSynapticDampeningOptions { Alpha = -1 }),
            () => new Scrub(task, new ScrubOptions { Temperature = 0 }),
        ];
        Assert.That(wrong, Has.Length.EqualTo(MethodCatalog.Classification.Count));
        foreach (var make in wrong)
            Assert.That(make, Throws.TypeOf<OptionException>());
        Assert.That(scope.Model.Device.LiveBytes, Is.EqualTo(before));
    }

    [Test]
    public void CompatChangesTheSameDefaultsFromCSharpInWhicheverOrder()
    {
        Assert.That(new SalUnOptions().BatchNorm, Is.EqualTo(BatchNormPolicy.RetainOnly));
        Assert.That(new SalUnOptions { Compat = true }.BatchNorm, Is.EqualTo(BatchNormPolicy.Both));
        Assert.That(new SalUnOptions { Compat = true }.Draw, Is.EqualTo(LabelDraw.Any));
        Assert.That(new SalUnOptions { BatchNorm = BatchNormPolicy.Frozen, Compat = true }.BatchNorm, Is.EqualTo(BatchNormPolicy.Frozen));
        Assert.That(new SalUnOptions { Compat = true, BatchNorm = BatchNormPolicy.Frozen }.BatchNorm, Is.EqualTo(BatchNormPolicy.Frozen));
        Assert.That(new SelectiveSynapticDampeningOptions { Compat = true }.FisherBatch, Is.EqualTo(64));
    }

    [TestCaseSource(nameof(Methods))]
    public void TheListHasEveryOptionOnceAndEachReadsBack(string method)
    {
        var definition = MethodCatalog.Find(method);
        Assert.That(definition.Options.Select(o => o.Name), Is.Unique);
        var defaults = definition.Options.ToDictionary(o => o.Name, o => o.Default);
        foreach (var option in definition.Options.Where(o => Other(o) is not null))
        {
            var given = new Dictionary<string, string> { [option.Name] = Other(option)! };
            var expected = new Dictionary<string, string>(defaults);
            foreach (var (name, text) in option.Implies.Append((option.Name, Other(option)!)))
                expected[name] = text;
            if (Texts(definition, given) is { } texts)
                Assert.That(texts, Is.EqualTo(expected), option.Name);
        }

        Assert.That(Texts(definition, s_none), Is.EqualTo(defaults));
    }

    [TestCaseSource(nameof(Methods))]
    public void EveryRangeIsHeld(string method)
    {
        var definition = MethodCatalog.Find(method);
        var bounded = definition.Options.Where(o => o.Kind is OptionKind.Number or OptionKind.Integer).ToArray();
        Assert.That(bounded, Is.Not.Empty);
        foreach (var option in bounded)
        {
            foreach (var text in new[] { "-1000000", "1000000000000" })
            {
                var range = option.Range;
                if (
                    range.Length == 0
                    || (text[0] != '-' && option.Kind == OptionKind.Number && !range.Contains('1', StringComparison.Ordinal))
                )
                    continue;
                Assert.That(
                    () => definition.Read(new Dictionary<string, string> { [option.Name] = text }),
                    Throws.TypeOf<UserErrorException>().With.Message.StartsWith($"Option --{option.Name} is {text}; it must be {range}."),
                    method
                );
            }
        }
    }

    [Test]
    public void TrainingIsNamedByItsOptionsInTheirOrder() =>
        Assert.That(
            new TrainingOptions { Seed = 3 }.ToString(),
            Is.EqualTo(
                "TrainingOptions { Epochs = 20, BatchSize = 128, LearningRate = 0.1, Momentum = 0.9, Nesterov = True, "
                    + "WeightDecay = 0.0005, Schedule = onecycle, Initialization = TorchDefault, Augment = auto, AugmentNoise = 0, "
                    + "Seed = 3 }"
            ),
            "keys of cached models are made of it"
        );

    [TestCase("", 0)]
    [TestCase("1000", 1000)]
    [TestCase("2KiB", 2048)]
    [TestCase("1.5 MiB", 1572864)]
    [TestCase("500MB", 500_000_000)]
    [TestCase("2gib", 2147483648)]
    [TestCase("64M", 67108864)]
    [TestCase("64MiB", 67108864)]
    [TestCase("1.5G", 1610612736)]
    [TestCase("512k", 524288)]
    [TestCase("1T", 1099511627776)]
    public void SizesAreRead(string text, long bytes)
    {
        Assert.That(ByteSize.TryParse(text, out var size), Is.True);
        Assert.That(size.Bytes, Is.EqualTo(bytes));
        Assert.That(ByteSize.TryParse(size.Text, out var again) && again == size, size.Text);
    }

    [TestCase(0, "")]
    [TestCase(500_000_000, "500MB")]
    [TestCase(2147483648, "2GiB")]
    [TestCase(1610612736, "1536MiB")]
    [TestCase(1001, "1001")]
    public void SizesAreWrittenInTheirLargestUnit(long bytes, string text) => Assert.That(new ByteSize(bytes).Text, Is.EqualTo(text));

    [TestCase("MB")]
    [TestCase("M")]
    [TestCase("0.3B")]
    [TestCase("99999999999T")]
    [TestCase("-1GB")]
    [TestCase("0")]
    [TestCase("a lot")]
    public void OtherTextsAreNoSizes(string text) =>
        Assert.That(
            () => MethodCatalog.Find("lur").Read(new Dictionary<string, string> { ["max-memory"] = text }),
            Throws.TypeOf<UserErrorException>().With.Message.Contains($"Option --max-memory is '{text}'; it takes a size")
        );

    /// <summary>A text that is not the default; null where any other needs a second option.</summary>
    private static string? Other(OptionInfo option) =>
        option switch
        {
            { Name: "micro-batch" or "max-epochs" or "plain-epochs" } => null,
            { Name: "schedule" } => "cosine",
            { Name: "max-memory" } => "3GB",
            { Kind: OptionKind.Flag } => "true",
            { Kind: OptionKind.Choice } => option.Choices.First(c => c != option.Default),
            { Kind: OptionKind.Text } => "a,b",
            { Kind: OptionKind.Integer } => (int.Parse(option.Default, CultureInfo.InvariantCulture) + 1).ToString(
                CultureInfo.InvariantCulture
            ),
            _ => OptionFormat.Of((double.Parse(option.Default, CultureInfo.InvariantCulture) + 0.25) / 2),
        };

    private static Dictionary<string, string>? Texts(MethodDefinition method, IReadOnlyDictionary<string, string> given) =>
        method.Read(given).Texts().ToDictionary(t => t.Option.Name, t => t.Text);
}
