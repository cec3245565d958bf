using System.Text.Json.Nodes;
using Lur.Cli;
using Lur.Cli.Commands;
using Lur.Data;
using Lur.Device;
using Lur.Hosting;
using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Runs;
using Lur.Tasks.Classification;
using Lur.Tests.Cli;
using Lur.Tests.Device;
using Lur.Tests.Kernels;
using Lur.Tests.Reports;
using Lur.Training;
using Lur.Verification.Generation;

namespace Lur.Tests.Diffusion;

/// <summary>Verification of models that draw, on models small enough to be trained here.</summary>
/// <remarks>Over budget: the models take longer to train than to look at, so all that looks at them is here.</remarks>
[NonParallelizable] // LUR_REFERENCES is the process's
public class GenerationVerifyTests
{
    private static readonly SamplingPlan s_plan = new()
    {
        Samples = 12,
        Steps = 10,
        BatchSize = 9,
    };
    private DrawingRuns _runs = null!;

    [OneTimeSetUp]
    public void Train() => _runs = new DrawingRuns();

    [OneTimeTearDown]
    public void Delete() => _runs.Dispose();

    [Test]
    public void TheJudgeSeesWhetherTheForgottenRowDrawsAnotherClass()
    {
        var forgot = _runs.Make("forgot", DrawingRuns.TakeAnotherRow);
        using var source = _runs.Open();
        using var classifier = JudgeModel(source);
        using var judge = new Judge(classifier, source.Test);
        Assert.That(judge.TestAccuracy, Is.GreaterThan(95), "the patterns are plain");
        var assessor = Assessor(judge, source, s_plan);
        using Model original = DrawingRuns.Load(_runs.Original),
            unlearned = DrawingRuns.Load(Path.Combine(forgot, "model.safetensors"));
        using var self = new DiffusionClassifier(original);
        var (before, after) = (assessor.Assess(original, self), assessor.Assess(unlearned, self));
        Assert.That((before.UnlearningAccuracy, after.UnlearningAccuracy), Is.EqualTo((0.0, 100.0)));
        Assert.That(after.Forgotten[0].UnlearningAccuracyInterval.High, Is.EqualTo(100));
        Assert.That(after.Judged[DrawingRuns.Forgotten, 0], Is.GreaterThan(8), "class 0 stands in");
        // 91.7 measured, of 24 images.
        Assert.That(before.KeptAgreement, Is.GreaterThan(80));
        Assert.That(after.KeptAgreement, Is.EqualTo(before.KeptAgreement));
        Assert.That((before.DiffusionClassified, after.DiffusionClassified), Is.EqualTo((100.0, 0.0)));
        // What is drawn under the kept labels is the same, to the bit.
        Assert.That(after.Kept, Is.EqualTo(before.Kept));
        // 8.4 times, measured.
        Assert.That(after.PerClass[DrawingRuns.Forgotten].Distance, Is.GreaterThan(5 * before.PerClass[DrawingRuns.Forgotten].Distance));
        var change = PairedDifference.ByClass(before.Losses, after.Losses, assessor.TestLabels, DrawingRuns.Classes);
        Assert.That(change[DrawingRuns.Forgotten].Interval.Low, Is.Positive, "denoised as another class");
        Assert.That(change[..DrawingRuns.Forgotten].Select(c => c.Mean), Is.All.Zero, "the same noise for both");
        Assert.That(before.ScoreDistances, Is.All.Positive);
    }

    /// <summary>Trained with the class, without it, with the row of another in its place, and with the class once more.</summary>
    [Test]
    public void OnlyAModelThatKnowsTheClassIsHelpedByItsLabel()
    {
        using var source = _runs.Open();
        using var classifier = JudgeModel(source);
        using var judge = new Judge(classifier, source.Test);
        var assessor = Assessor(judge, source, s_plan);
        GenerativeAssessment Of(string folder)
        {
            using var model = DrawingRuns.Load(Path.Combine(folder, "model.safetensors"));
            return assessor.Assess(model);
        }

        GenerativeAssessment original = Of(_runs["base"]),
            retrained = Of(_runs["retrain"]),
            reassigned = Of(_runs.Make("reassigned", DrawingRuns.TakeAnotherRow)),
            relearned = Of(_runs.Relearn("relearned"));
        Assert.That(original.LabelGains, Has.Length.EqualTo(20), "test images of the forgotten class");
        LabelGain Gain(GenerativeAssessment model) =>
            new(original.LabelGains.Average(), retrained.LabelGains.Average(), GenerationVerifyResult.LabelGain(model));
        Verdict Judged(GenerativeAssessment model)
        {
            MetricValues ua = new(0, new SeedSummary(100, double.NaN, 1), new SeedSummary(100, 1, 3), 24),
                kept = new(90, new SeedSummary(90, double.NaN, 1), new SeedSummary(90, 1, 3), 24);
            return GenerationVerdict
                .Judge(
                    new GenerationEvidence(ua, kept)
                    {
                        Classes = 3,
                        JudgeAccuracy = 100,
                        Gain = Gain(model),
                    }
                )
                .Verdict;
        }

        // Gains 0.0049, 0.0081, -0.36 and -0.042, with standard errors of 0.0019, 0.0026, 0.022 and 0.0054.
        Assert.That(Judged(original), Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(Judged(relearned), Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(Judged(reassigned), Is.EqualTo(Verdict.MatchesRetrain));
        Assert.That(Judged(retrained), Is.EqualTo(Verdict.MatchesRetrain));
    }

    [Test]
    public void ALabelThatIsNoneMovesNoScore()
    {
        var none = _runs.Make("none", (rows, width) => rows.AsSpan(3 * width, width).CopyTo(rows.AsSpan(DrawingRuns.Forgotten * width)));
        using var model = DrawingRuns.Load(Path.Combine(none, "model.safetensors"));
        using var images = new GeneratedImages(model, s_plan);
        var set = images.Draw([2, 1]);
        Assert.That(set.ScoreDistances[0], Is.Zero);
        Assert.That(set.ScoreDistances[1], Is.Positive);
    }

    [Test]
    public void AnImageIsAFunctionOfSeedNumberAndLabel()
    {
        using var model = DrawingRuns.Load(_runs.Original);
        byte[] Draw(SamplingPlan plan, params int[] labels)
        {
            using var images = new GeneratedImages(model, plan);
            return images.Draw(labels).Pixels;
        }

        const int size = DrawingRuns.Side * DrawingRuns.Side;
        var one = Draw(s_plan, 0, 1, 2, 0, 1);
        Assert.That(Draw(s_plan, 0, 1, 2, 0, 1), Is.EqualTo(one));
        Assert.That(Draw(s_plan with { BatchSize = 2 }, 0, 1, 2, 0, 1), Is.EqualTo(one), "in other batches");
        var other = Draw(s_plan, 0, 2, 2, 0, 1);
        Assert.That(other[size..(2 * size)], Is.Not.EqualTo(one[size..(2 * size)]));
        Assert.That(other[(2 * size)..], Is.EqualTo(one[(2 * size)..]), "the others stay");
        Assert.That(Draw(s_plan with { Seed = 2 }, 0, 1, 2, 0, 1), Is.Not.EqualTo(one));
        Assert.That(one[..size], Is.Not.EqualTo(one[(3 * size)..(4 * size)]), "two images of a class");
    }

    [TestCase(2)]
    [TestCase(7)]
    [TestCase(40)]
    public void ImagesAsGoodAsRealOnesHaveTheDistanceOfTheFloor(int count)
    {
        var random = TestRandom.ForCurrentTest();
        var reals = FeatureRows.Of<double>(random.NormalArray(60 * 3), 3);
        var (_, second) = RealFloor.Halves(reals, count, 4);
        var quality = FeatureQuality.Of(reals, second, 4);
        Assert.That(quality.Count, Is.EqualTo(Math.Min(count, 30)));
        Assert.That(quality.Distance, Is.EqualTo(quality.Floor));
        Assert.That(quality.Floor, Is.EqualTo(RealFloor.Compute(reals, count, 4).Distance.Value));
        var far = FeatureRows.Of<double>(second.Values.Select(v => v + 2).ToArray(), 3);
        // |m_1 - m_2|^2 with a difference of 2 more in three numbers, whatever the covariances: 12 and a cross term.
        Assert.That(FeatureQuality.Of(reals, far, 4).Distance, Is.GreaterThan(quality.Floor));
    }

    [Test]
    public void FeaturesAreWhatTheHeadIsGiven([Values] Precision precision)
    {
        using var source = _runs.Open();
        using var model = DataAndModel.Create("resnet[1,1]:w4", TestDevices.Default, source, 3, precision: precision);
        using var extractor = new FeatureExtractor(model, 7);
        int[] indices = [5, 3, 59, 1, 0, 12, 13, 58, 7];
        var seen = extractor.See(source.Test, indices);
        Assert.That(seen.Labels, Is.EqualTo(indices.Select(i => i % 3)));
        Assert.That((seen.Features.Count, seen.Features.Dimension), Is.EqualTo((9, 8)));
        var weights = model.Parameters.ToArray();
        var (w, b) = (model.Parameters.Layout["fc.weight"], model.Parameters.Layout["fc.bias"]);
        for (var i = 0; i < 9; i++)
        {
            double[] logits =
            [
                .. Enumerable
                    .Range(0, 3)
                    .Select(c =>
                        weights[b.Offset + c]
                        + Enumerable.Range(0, 8).Sum(j => weights[w.Offset + (8 * c) + j] * seen.Features.Values[(8 * i) + j])
                    ),
            ];
            var sum = logits.Sum(Math.Exp);
            for (var c = 0; c < 3; c++)
                // Nine products of numbers below 10.
                Assert.That(seen.Probabilities[(3 * i) + c], Is.EqualTo(Math.Exp(logits[c]) / sum).Within(200 * precision.Unit()));
        }

        using var evaluator = new Evaluator(model);
        Assert.That(seen.Accuracy, Is.EqualTo(evaluator.Predict(source.Test, indices).Accuracy).Within(1e-9));
    }

    [Test]
    public void AReferenceDecidesAndTheFileIsOfTheSchema()
    {
        var same = _runs.Make("same", (rows, width) => rows[width * DrawingRuns.Forgotten] += 1e-3f);
        string[] verify = ["verify", same, "--samples", "12", "--steps", "10", "--judge-epochs", "10", "--attacks"];
        var ended = Command.Run([.. verify, "embedding,denoise", "--relearn-steps", "3", "--reference", _runs["retrain"]]);
        Assert.That(ended.Code, Is.EqualTo(ExitCode.VerdictFailed), ended.Text);
        Assert.That(ended.Text, Does.Contain("Under-forgotten: the unlearning accuracy").And.Contain("Provisional"));
        var text = File.ReadAllText(Path.Combine(same, "verify.json"));
        var schema = JsonSchema.Open("verify.schema.json");
        schema.RequireExactly(text, "generation", ["attacks", "labelGain", "provisional"]);
        var root = JsonNode.Parse(text)!;
        schema.RequireExactly(root["classes"]![0]!.ToJsonString(), "drawnClass", ["retrainedSeen", "retrainedLossChange"]);
        schema.RequireExactly(root["forgotten"]![0]!.ToJsonString(), "forgottenLabel", ["retrained"]);
        schema.RequireExactly(root["forgotten"]![0]!["original"]!.ToJsonString(), "labelOutcome", []);
        schema.RequireExactly(root["attacks"]![0]!.ToJsonString(), "drawingAttack", ["retrained"]);
        Assert.That(root["attacks"]!.AsArray().Select(a => (string?)a!["attack"]), Is.EqualTo(new[] { "embedding", "denoise" }));
        Assert.That(root["attacks"]![0]!["unlearned"]!.AsArray().Select(p => (int?)p!["at"]), Is.EqualTo(new[] { 0, 3 }));
        var page = PageReading.Read(File.ReadAllText(Path.Combine(same, "report.html")), pictures: true);
        Assert.That(page.Descendants("img").Count(), Is.EqualTo(3), "before, after and retrained");

        // Again: the judge is found, and every number is the same.
        var again = Command.Run([.. verify, "embedding,denoise", "--relearn-steps", "3", "--reference", _runs["retrain"]]);
        Assert.That(again.Error, Does.Contain("judge of seed 1 found"));
        Assert.That(File.ReadAllText(Path.Combine(same, "verify.json")), Is.EqualTo(text));

        var alone = Command.Run([.. verify, "none"]);
        Assert.That((alone.Code, alone.Text.Contains("Withheld", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Done, true)), alone.Text);
        Assert.That(JsonNode.Parse(File.ReadAllText(Path.Combine(same, "verify.json")))!["attacks"], Is.Null);
        Assert.That(Command.Run([.. verify, "scalar"]).Text, Does.Contain("which is for classifiers"));
    }

    [Test]
    public void AJobFindsWhatTheCommandFinds()
    {
        var run = _runs.Make("hosted", DrawingRuns.TakeAnotherRow);
        var result = Path.Combine(run, "verify.json");
        Command.Judged(["verify", run, "--samples", "12", "--steps", "10", "--judge-epochs", "10", "--attacks", "none"]);
        var printed = File.ReadAllText(result);
        File.Delete(result);
        var settings = new VerifySettings
        {
            Runs = [run],
            Generation = new GenerationSettings
            {
                Sampling = new SamplingPlan { Samples = 12, Steps = 10 },
                JudgeTraining = new TrainingOptions { Epochs = 10, AugmentNoise = new GenerationSettings().JudgeTraining.AugmentNoise },
                Attacks = GenerationAttacks.None,
            },
        };
        using var engine = LurEngine.Open();
        var found = VerifyJob.RunDrawnAsync(engine, settings).GetAwaiter().GetResult();
        Assert.That(File.ReadAllText(result), Is.EqualTo(printed));
        Assert.That(found.Unlearned, Has.Count.EqualTo(1));
    }

    [Test]
    public void FidAndKidAreMeasuredWhereTheNetworkIsGiven()
    {
        var same = _runs.Make("inception", (rows, width) => rows[width * DrawingRuns.Forgotten] += 1e-3f);
        TinyInception.Write(_runs["inception.safetensors"]);
        var settings = new VerifySettings
        {
            Runs = [same],
            CacheFolder = _runs["cache"],
            Generation = new GenerationSettings
            {
                Sampling = s_plan,
                JudgeTraining = new TrainingOptions { Epochs = 10 },
                Attacks = GenerationAttacks.None,
                Inception = _runs["inception.safetensors"],
                InceptionSize = (TinyInception.Divisor, TinyInception.Side),
            },
        };
        var ended = Command.Run(context => VerifyCommand.Run(context, settings, CancellationToken.None));
        Assert.That(ended.Code, Is.EqualTo(ExitCode.Done), ended.Text);
        Assert.That(ended.Error, Does.Match("InceptionV3 takes [0-9.]+ s an image"));
        // Two kept classes of 12 images, and as few cannot fill a covariance of 128 numbers.
        const string mind = "FID of 24 images is too high: the covariance of 128 numbers";
        Assert.That(ended.Output, Does.Contain("kept: FID").And.Contain("kept: KID x 1000").And.Contain(mind));
        var text = File.ReadAllText(Path.Combine(same, "verify.json"));
        var schema = JsonSchema.Open("verify.schema.json");
        schema.RequireExactly(text, "generation", ["inception", "labelGain", "provisional"]);
        var inception = JsonNode.Parse(text)!["inception"]!;
        schema.RequireExactly(inception.ToJsonString(), "inception", ["reservation", "statistics"]);
        Assert.That(((int?)inception["images"], (int?)inception["subsetImages"]), Is.EqualTo((24, 12)));
        var (floor, fid) = ((double)inception["fidFloor"]!, (double)inception["fid"]!["original"]!);
        Assert.That(fid, Is.GreaterThan(floor).And.LessThan(1000 * floor));
        // The row of the forgotten class alone was touched.
        Assert.That((double)inception["fid"]!["unlearned"]!["mean"]!, Is.EqualTo(fid));
        Assert.That((double)inception["kidSpread"]!["original"]!, Is.Positive);
        var page = PageReading.Read(File.ReadAllText(Path.Combine(same, "report.html")), pictures: true);
        Assert.That(page.Value, Does.Contain("KID x 1000").And.Contain(mind));
        string[] verify = ["verify", same, "--attacks", "none", "--samples", "4"];
        Command.Refused("does not fit the model InceptionV3", [.. verify, "--inception", _runs["inception.safetensors"]]);
        Command.Refused("does not exist", [.. verify, "--inception", _runs["nowhere.safetensors"]]);
        Assert.That(Command.Run([.. verify, "--inception-statistics", "fid.npz"]).Error, Does.Contain("give both"));
    }

    [Test]
    public void AReferenceIsTrainedByTheRecipeOfTheOriginalAndFoundAgain()
    {
        var run = _runs.Make("seeded", DrawingRuns.TakeAnotherRow);
        string[] verify = ["verify", run, "--samples", "12", "--steps", "3", "--judge-epochs", "10", "--attacks", "none", "--retrain", "5"];
        var first = Command.Judged(verify);
        Assert.That(first.Text, Does.Contain("training a reference model of seed 5").And.Contains("Provisional"));
        Assert.That(Command.Judged(verify).Text, Does.Contain("reference model of seed 5 found"));
        var error = Command.Run(["verify", run, "--reference", _runs["base"]]);
        Assert.That((error.Code, error.Text.Contains("samples to forget", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Failed, true)));
        Command.Refused("is no classifier", [.. verify, "--judge", _runs.Original]);
        Command.Refused("does not exist", [.. verify, "--judge", _runs["nowhere.safetensors"]]);
    }

    /// <summary>What is said is what is missing, and no option that another kind of model has.</summary>
    [Test]
    public void AModelThatIsNotThereIsNoClassifier()
    {
        Command.Refused("is not a folder", "verify", _runs["nowhere"], "--attacks", "embedding");
        string[] forget = ["forget", _runs["nowhere.safetensors"], "--data", _runs.Data, "--forget", "class:2", "-o", _runs["never"]];
        Command.Refused("does not exist; check the path", [.. forget, "--method", "lur", "--steps", "3"]);
    }

    [Test]
    public void AnEmbeddingBringsBackWhatOnlyTheRowForgot()
    {
        var hidden = _runs.Make("hidden", DrawingRuns.TakeAnotherRow);
        using var source = _runs.Open();
        using var classifier = JudgeModel(source);
        using var judge = new Judge(classifier, source.Test);
        var set = ForgetSet.Resolve(["class:2"], source, [.. Enumerable.Range(0, source.Train.Count)], 1);
        var options = new GenerationAttackOptions
        {
            Steps = [0, 150],
            BatchSize = 32,
            EmbeddingRate = 0.05,
            Samples = 12,
            Noise = [10, 95],
        };
        var attack = new GenerationAttack(judge, source.Train, set, s_plan, options);
        using var model = DrawingRuns.Load(Path.Combine(hidden, "model.safetensors"));
        var weights = model.Parameters.ToFloatArray();
        var shares = attack.Embedding(model);
        Assert.That(shares[1], Is.GreaterThan(Math.Max(50, shares[0])), "dormant, not gone");
        Assert.That(model.Parameters.ToFloatArray(), Is.EqualTo(weights), "it was a copy");
        var denoised = attack.Denoise(model);
        Assert.That(denoised[0], Is.EqualTo(100), "a little noise leaves the image");
        Assert.That(denoised[1], Is.LessThan(50), "much does not");
        Assert.That(attack.Relearn(model, 8), Has.Length.EqualTo(2));
    }

    /// <summary>As far as a byte tells: 3,072 normals have a deviation within 1 / sqrt(6144), five of them.</summary>
    [Test]
    public void TheJudgeIsTriedWithNoiseOnTheImages()
    {
        using var source = DataSource.Open("synthetic:train=20,test=10,seed=3");
        var grey = new MemoryImages("grey", source.Test, [.. Enumerable.Repeat((byte)128, 10 * 3072)], new int[10]);
        using var noisy = new NoisyImages(grey, 0.4);
        var deviations = Enumerable
            .Range(0, 10)
            .Select(i =>
            {
                var image = new byte[3072];
                noisy.CopyImage(i, image);
                return Math.Sqrt(image.Average(b => Math.Pow(b - 128.0, 2))) / 127.5;
            })
            .ToArray();
        Assert.That(deviations, Is.Unique.And.All.LessThan(0.4 * (1 + (5 / Math.Sqrt(6144)))));
        Assert.That(deviations.Max(), Is.GreaterThan(0.2), "missed with probability 2^-10");
        using var patterns = _runs.Open();
        using var classifier = JudgeModel(patterns);
        using var judge = new Judge(classifier, patterns.Test, 8);
        Assert.That(judge.NoisyAccuracy, Is.LessThan(judge.TestAccuracy), "of images behind noise eight times their range");
    }

    /// <summary>A judge that was trained otherwise is not taken.</summary>
    [Test]
    public void AJudgeOfOtherNoiseIsAnother()
    {
        using var source = _runs.Open();
        var split = DataSplit.Load(_runs["base/split.json"], source.Train);
        string Path(double noise)
        {
            var settings = new GenerationSettings
            {
                JudgeTraining = new TrainingOptions { Epochs = 1, AugmentNoise = noise },
            };
            return JudgeModels.Get(settings, _runs["cache"], _runs.Data, source, split, new RunHost(), CancellationToken.None);
        }

        Assert.That(Path(0.5), Is.EqualTo(Path(0.5)));
        Assert.That(Path(0), Is.Not.EqualTo(Path(0.5)));
    }

    private static GenerationAssessor Assessor(Judge judge, DataSource source, SamplingPlan plan) =>
        new(judge, source.Train, [.. Enumerable.Range(0, source.Train.Count)], source.Test, [DrawingRuns.Forgotten], [], plan);

    private Model JudgeModel(DataSource source)
    {
        var settings = new GenerationSettings { JudgeTraining = new TrainingOptions { Epochs = 10 } };
        var split = DataSplit.Load(_runs["base/split.json"], source.Train);
        var path = JudgeModels.Get(settings, _runs["cache"], _runs.Data, source, split, new RunHost(), CancellationToken.None);
        return DataAndModel.Load(path, TestDevices.Default, source);
    }
}
