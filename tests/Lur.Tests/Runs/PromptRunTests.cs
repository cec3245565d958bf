using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Tests.Runs;

/// <summary>A UNet that is trained with its text encoder, told new prompts, and made to forget some words.</summary>
public class PromptRunTests
{
    private const string Data = "captions:train=620,test=24",
        Model = "unet:c8:m1,2:r1:attn12:g4:heads2:x8:tok12:clip1,2";
    private TempFolder _temp = null!;

    [OneTimeSetUp]
    public void Train()
    {
        _temp = new TempFolder();
        Training("base", CancellationToken.None);
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    private void Training(string folder, CancellationToken cancel, bool resume = false, RunHost? host = null) =>
        new TrainRun(
            new TrainSettings
            {
                Data = Data,
                Model = Model,
                Output = _temp[folder],
                Resume = resume,
                Diffusion = new DiffusionTrainingOptions
                {
                    Epochs = 1,
                    BatchSize = 64,
                    LearningRate = 1e-3,
                    AverageDecay = 0.9,
                },
            },
            host
        ).Run(cancel);

    private string Base => _temp["base/model.safetensors"];

    [Test]
    public void TheTwoModelsAreTheNetworkThatWasTrained()
    {
        using var source = DataSource.Open(Data);
        using var joint = DataAndModel.Create(Model, TestDevices.Default, source, 5, WeightInitialization.TorchDefault, Precision.Float64);
        new DiffusionTrainingOptions().Prepare(joint);
        using var apart = PromptTraining.Separate(joint, _temp["apart"]);
        Assert.That(((UNetSpec)apart.Spec).Encoder, Is.Null);
        Assert.That(apart.Parameters.Count, Is.LessThan(joint.Parameters.Count));
        int[] all = [.. Enumerable.Range(0, source.Test.Count)];
        double[] Losses(Model model)
        {
            using var evaluator = new DenoisingEvaluator(model, 8);
            return evaluator.Losses(source.Test, all);
        }

        // The encoder's file holds floats: 6e-8 of every weight.
        Errors.AssertClose(Losses(apart), Losses(joint), 1e-5, "losses");
    }

    [Test]
    public void AnInterruptedTrainingGoesOnToTheSameBytes()
    {
        using var cancel = new CancellationTokenSource();
        var said = new CancelAt("train epoch 1/1", 4, cancel);
        Assert.Throws<OperationCanceledException>(() => Training("pieces", cancel.Token, host: new RunHost { Progress = said }));
        Training("pieces", CancellationToken.None, resume: true);
        foreach (var file in new[] { "model.safetensors", "pipeline/text_encoder/model.safetensors", "pipeline/tokenizer/merges.txt" })
            Assert.That(File.ReadAllBytes(_temp["pieces/" + file]), Is.EqualTo(File.ReadAllBytes(_temp["base/" + file])), file);
    }

    [Test]
    public void ASentenceThatWasNeverReadIsDrawn()
    {
        const string Sentence = "a red sparkle above a blue hoop";
        Assert.That(CaptionsDataset.Captions, Has.None.EqualTo(Sentence));
        SampleRun Of(string output, IReadOnlyList<string> prompts, string negative = "") =>
            new(
                new SampleSettings
                {
                    Model = Base,
                    Output = _temp[output],
                    Prompts = prompts,
                    Negative = negative,
                    Count = 1,
                    Sampling = new SamplingOptions { Steps = 2 },
                }
            );
        Of("two", ["a red star", Sentence]).Run();
        Of("negative", ["a red star", Sentence], "a blue ring").Run();
        byte[] Picture(string folder, string prompt) => File.ReadAllBytes(_temp[$"{folder}/{prompt}/00000.png"]);
        Assert.That(Picture("two", Sentence), Is.Not.EqualTo(Picture("negative", Sentence)), "guidance leads away from another prompt");
        Assert.That(
            () => new SampleRun(new SampleSettings { Model = Base, Output = _temp["none"] }).Run(),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("draws from prompts")
        );
    }

    [Test]
    public void WithoutItsTextEncoderAModelKnowsTheCaptionsItHasRows()
    {
        File.Copy(Base, Path.Combine(Directory.CreateDirectory(_temp["alone"]).FullName, "model.safetensors"), overwrite: true);
        var alone = _temp["alone/model.safetensors"];
        using var model = PromptBook.With(
            ModelFile.Load(alone, TestDevices.Default, Precision.Float32),
            alone,
            ["a red star", "a blue ring"]
        );
        Assert.That(model.ClassNames, Is.EqualTo(new[] { "a red star", "a blue ring" }));
        Assert.That(
            () => PromptBook.With(ModelFile.Load(alone, TestDevices.Default, Precision.Float32), alone, ["a pink star"]),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("a pink star").And.Message.Contains("pipeline")
        );
    }

    private ForgetResult Forget(string output, string method, params string[] options)
    {
        var given = options.Chunk(2).ToDictionary(o => o[0], o => o[1]);
        foreach (var (name, text) in new[] { ("steps", "2"), ("batch", "4"), ("lr", "1e-3"), ("train", "xattn") })
            given.TryAdd(name, text);
        return new ForgetRun(
            new ForgetSettings
            {
                Model = Base,
                Data = Data,
                Output = _temp[output],
                Forget = ["caption:star"],
                LeaveOut = ["caption:sparkle,five pointed shape"],
                Method = BoundMethod.Read(MethodCatalog.Find(method, MethodTask.Diffusion), given),
            }
        ).Run();
    }

    [TestCase("lur", "anchor", "ring", "forget-loss", "reassign")]
    [TestCase("lur", "forget-loss", "esd")]
    [TestCase("ca", "anchor", "ring")]
    [TestCase("rl", "anchor", "ring")]
    [TestCase("esd")]
    public void TheTensorsOutsideAPartKeepTheirBytes(string method, params string[] options)
    {
        var output = $"{method}-{options.Length}";
        Forget(output, method, options);
        using SafeTensorsFile before = SafeTensorsFile.Open(Base),
            after = SafeTensorsFile.Open(_temp[output + "/model.safetensors"]);
        Assert.Multiple(() =>
        {
            foreach (var tensor in before.Tensors.Where(t => t.Name != UNet.PromptRows))
                Assert.That(
                    after.Bytes(tensor.Name).SequenceEqual(before.Bytes(tensor.Name)),
                    Is.EqualTo(!tensor.Name.Contains(".attn2.", StringComparison.Ordinal)),
                    tensor.Name
                );
        });
        Assert.That(File.Exists(_temp[$"{output}/pipeline/text_encoder/config.json"]), "the text encoder goes with it");
    }

    [TestCase("lur", "reassign", "a red star", "would change")]
    [TestCase("lur", "neg", "ring", "no part")]
    [TestCase("lur", "esd", "ring", "no part")]
    [TestCase("ft", null, "ring", "no part")]
    public void AnAnchorWithoutEffectIsRefused(string method, string? loss, string anchor, string expected) =>
        Assert.That(
            () => Forget("anchored", method, [.. new[] { "anchor", anchor }, .. loss is null ? [] : new[] { "forget-loss", loss }]),
            Throws.TypeOf<UserErrorException>().With.Message.Contains(expected)
        );

    [Test]
    public void TheExportedPipelineDrawsTheSameAndIsWrittenAgainToTheByte()
    {
        using (var model = ModelFile.Load(Base, TestDevices.Default, Precision.Float32))
        {
            Assert.That(ModelExchange.Export(model, _temp["exported"], Base), Is.Empty);
            Assert.That(
                () => ModelExchange.Export(model, _temp["bare-export"]),
                Throws.TypeOf<UserErrorException>().With.Message.Contains("text encoder")
            );
            Assert.That(Directory.Exists(_temp["bare-export"]), Is.False);
        }

        using (var read = ModelExchange.Import(_temp["exported"], TestDevices.Default))
        {
            ModelFile.Save(read, _temp["read.safetensors"]);
            ModelExchange.Export(read, _temp["exported-again"]);
        }

        foreach (var file in Directory.GetFiles(_temp["exported"], "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(_temp["exported"], file);
            Assert.That(File.ReadAllBytes(Path.Combine(_temp["exported-again"], name)), Is.EqualTo(File.ReadAllBytes(file)), name);
        }

        const string Sentence = "a red sparkle above a blue hoop";
        foreach (var (path, output) in new[] { (Base, "own"), (_temp["read.safetensors"], "imported") })
            new SampleRun(
                new SampleSettings
                {
                    Model = path,
                    Output = _temp[output],
                    Prompts = [Sentence],
                    Count = 2,
                    Sampling = new SamplingOptions { Steps = 2 },
                }
            ).Run();
        foreach (var name in new[] { "00000.png", "00001.png" })
            Assert.That(
                File.ReadAllBytes(_temp[$"imported/{Sentence}/{name}"]),
                Is.EqualTo(File.ReadAllBytes(_temp[$"own/{Sentence}/{name}"]))
            );
    }

    // Its words would be others, and so would the pictures.
    [Test]
    public void TheTokenizerOfAnotherModelIsRefused()
    {
        Directory.CreateDirectory(_temp["foreign"]);
        PromptFolder.Copy(Base, _temp["foreign/pipeline"]);
        File.Copy(Base, _temp["foreign/model.safetensors"]);
        var vocabulary = _temp["foreign/pipeline/tokenizer/vocab.json"];
        var text = File.ReadAllText(vocabulary);
        var words = System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, int>>(text)!;
        (words["star</w>"], words["ring</w>"], words["a</w>"]) = (words["ring</w>"], words["a</w>"], words["star</w>"]);
        File.WriteAllText(vocabulary, System.Text.Json.JsonSerializer.Serialize(words));
        var path = _temp["foreign/model.safetensors"];
        Assert.That(
            () => PromptBook.With(ModelFile.Load(path, TestDevices.Default, Precision.Float32), path, ["a red sparkle above a blue hoop"]),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("belongs to another model")
        );
    }

    [Test]
    public void WhatIsLeftOutIsNeitherForgottenNorRetained()
    {
        using var source = DataSource.Open(Data);
        var list = File.ReadAllText(Path.Combine(_temp["base"], "split.json"));
        Assert.That(list, Is.Not.Empty);
        var settings = new ForgetSettings
        {
            Model = Base,
            Data = Data,
            Output = _temp["left"],
            Forget = ["caption:star"],
            LeaveOut = ["caption:sparkle"],
            Method = BoundMethod.Read(
                MethodCatalog.Find("ft", MethodTask.Diffusion),
                new Dictionary<string, string> { ["steps"] = "1", ["batch"] = "4" }
            ),
        };
        var set = new ForgetRun(settings).Run().Set;
        bool Has(int i, string word) => CaptionWords.Contains(source.Train.ClassNames[source.Train.Label(i)], word);
        Assert.That(set.Forget.All(i => Has(i, "star")));
        Assert.That(set.Earlier, Is.Not.Empty.And.All.Matches<int>(i => Has(i, "sparkle")));
        Assert.That(set.Retain.All(i => !Has(i, "star") && !Has(i, "sparkle")));
    }

    private sealed class CancelAt(string stage, int report, CancellationTokenSource cancel) : IProgress<RunEvent>
    {
        private bool _inside;
        private int _seen;

        public void Report(RunEvent value)
        {
            if (value is StageStarted started)
                _inside = started.Stage == stage;
            else if (_inside && value is StageProgress && _seen++ == report)
                cancel.Cancel();
        }
    }
}
