using Lur.Tasks.Diffusion;
using Lur.Tests.Device;

namespace Lur.Tests.Diffusion;

/// <summary>scheduler_config.json: what is read, what is refused, and that it goes back as it came.</summary>
public class SchedulerConfigTests
{
    private const string Path = "scheduler_config.json";

    // As the first release of Stable Diffusion has it, with an odd layout, a key nobody knows and Python's infinity.
    private const string Odd =
        "{ \"_class_name\":\"DDIMScheduler\" ,\n\t\"_diffusers_version\": \"0.6.0\",\n\"beta_end\": 1.2e-2, \"beta_start\": 0.00085,\n"
        + " \"beta_schedule\": \"scaled_linear\", \"num_train_timesteps\": 1000,\n \"Ünknown \\\" key\": {\"a\": [1,  2, -Infinity]},\n"
        + "\"lambda_min_clipped\": -Infinity, \"trained_betas\": null,"
        + "\"set_alpha_to_one\": false, \"steps_offset\": 1, \"clip_sample\": false}\n\n";

    private static SchedulerConfig Read(string keys, string kind = "DDPMScheduler") =>
        SchedulerConfig.Read($"{{\"_class_name\": \"{kind}\"{(keys.Length > 0 ? ", " : "")}{keys}}}", Path);

    [TestCase("DDPMScheduler", true, true, TimestepSpacing.Leading)]
    [TestCase("DDIMScheduler", true, true, TimestepSpacing.Leading)]
    [TestCase("DPMSolverMultistepScheduler", true, true, TimestepSpacing.Linspace)]
    [TestCase("PNDMScheduler", false, false, TimestepSpacing.Leading)]
    public void WhatIsMissingHasTheDefaultOfItsClass(string kind, bool clip, bool toOne, TimestepSpacing spacing)
    {
        var config = Read("", kind);
        Assert.Multiple(() =>
        {
            Assert.That((config.TrainTimesteps, config.BetaStart, config.BetaEnd), Is.EqualTo((1000, 1e-4, 0.02)));
            Assert.That((config.Betas, config.Prediction), Is.EqualTo((BetaSchedule.Linear, PredictionType.Epsilon)));
            Assert.That((config.ClipSample, config.SetAlphaToOne, config.Spacing), Is.EqualTo((clip, toOne, spacing)));
            Assert.That(
                (config.StepsOffset, config.ClipSampleRange, config.TrainedBetas),
                Is.EqualTo((0, 1.0, (IReadOnlyList<double>?)null))
            );
            Assert.That((config.Solver, config.LowerOrderFinal, config.Final), Is.EqualTo((SolverType.Midpoint, true, FinalSigma.Zero)));
            Assert.That(config.Note, kind == "PNDMScheduler" ? Does.Contain("PNDMScheduler").And.Contain("betas") : Is.Null);
        });
    }

    [Test]
    public void AFileGoesBackByteForByteAndAChangeTouchesItsValueAlone()
    {
        var config = SchedulerConfig.Read(Odd, Path);
        Assert.That((config.BetaEnd, config.StepsOffset, config.SetAlphaToOne), Is.EqualTo((0.012, 1, false)));
        Assert.That(config.ToJson(), Is.EqualTo(Odd));
        Assert.That((config with { BetaEnd = 0.5 } with { BetaEnd = 0.012 }).ToJson(), Is.EqualTo(Odd));
        var changed = (config with { BetaEnd = 0.5, Spacing = TimestepSpacing.Trailing }).ToJson();
        Assert.That(changed, Does.Contain("\"beta_end\": 0.5,").And.Contain("\"timestep_spacing\": \"trailing\""));
        Assert.That(
            changed,
            Does.Contain("\"Ünknown \\\" key\": {\"a\": [1,  2, -Infinity]}").And.Contain("\"_diffusers_version\": \"0.6.0\"")
        );
        Assert.That(changed, Does.Not.Contain("solver_type"), "what the file did not say and nobody changed");
        var again = SchedulerConfig.Read(changed, Path);
        Assert.That((again.BetaEnd, again.BetaStart, again.Spacing), Is.EqualTo((0.5, 0.00085, TimestepSpacing.Trailing)));
        Assert.That(again.ToJson(), Is.EqualTo(changed));
    }

    [TestCase(SchedulerClass.Ddpm)]
    [TestCase(SchedulerClass.Ddim)]
    [TestCase(SchedulerClass.DpmSolver)]
    [TestCase(SchedulerClass.Pndm)]
    public void AConfigurationWithoutAFileIsWrittenAndRead(SchedulerClass kind)
    {
        var config = SchedulerConfig.Default(kind) with { BetaEnd = 1e-3, StepsOffset = 2, TrainTimesteps = 2, TrainedBetas = [0.1, 1e-7] };
        var read = SchedulerConfig.Read(config.ToJson(), Path);
        Assert.That(read.TrainedBetas, Is.EqualTo(config.TrainedBetas));
        Assert.That(read with { Source = null, Note = null, TrainedBetas = config.TrainedBetas }, Is.EqualTo(config));
    }

    // Published files of PNDM say nothing of clipping, and DDIM's default would clip latents.
    [Test]
    public void AFileOfPndmIsSampledOtherwiseWithItsBetas()
    {
        const string keys =
            "\"beta_end\": 0.012, \"beta_schedule\": \"scaled_linear\", \"beta_start\": 0.00085, \"skip_prk_steps\": true, "
            + "\"set_alpha_to_one\": false, \"steps_offset\": 1";
        var config = Read(keys, "PNDMScheduler");
        var ddim = config.As(SchedulerClass.Ddim);
        Assert.That((ddim.ClipSample, ddim.SetAlphaToOne, ddim.BetaEnd, ddim.StepsOffset), Is.EqualTo((false, false, 0.012, 1)));
        Assert.That(ddim.ToJson(), Is.EqualTo(config.ToJson()));
        Assert.That(config.As(SchedulerClass.DpmSolver).Spacing, Is.EqualTo(TimestepSpacing.Linspace));
        var (some, same) = (
            SamplerSchedule.Of(SamplerKind.Ddim, config, 10),
            SamplerSchedule.Of(SamplerKind.Ddim, Read(keys + ", \"clip_sample\": false", "DDIMScheduler"), 10)
        );
        Assert.That(some.Table(), Is.EqualTo(same.Table()));
        Assert.That(some.Clip, Is.Zero);
    }

    [TestCase("\"rescale_betas_zero_snr\": true", "DDPMScheduler")]
    [TestCase("\"thresholding\": true", "DDIMScheduler")]
    [TestCase("\"use_karras_sigmas\": true", "DPMSolverMultistepScheduler")]
    [TestCase("\"use_lu_lambdas\": true", "DPMSolverMultistepScheduler")]
    [TestCase("\"euler_at_final\": true", "DPMSolverMultistepScheduler")]
    [TestCase("\"lambda_min_clipped\": -5.1", "DPMSolverMultistepScheduler")]
    [TestCase("\"solver_order\": 3", "DPMSolverMultistepScheduler")]
    [TestCase("\"algorithm_type\": \"sde-dpmsolver++\"", "DPMSolverMultistepScheduler")]
    [TestCase("\"variance_type\": \"learned_range\"", "DDPMScheduler")]
    [TestCase("\"variance_type\": \"fixed_large_log\"", "DDPMScheduler")]
    [TestCase("\"beta_schedule\": \"sigmoid\"", "DDPMScheduler")]
    public void WhatIsNotDoneIsRefusedByItsName(string key, string kind)
    {
        var e = Assert.Throws<UserErrorException>(() => Read(key, kind))!;
        Assert.That(
            e.Message,
            Does.StartWith($"'{Path}': '{key.Split('"')[1]}' is {key.Split(": ")[1]}, which the samplers here do not do; ")
        );
    }

    [TestCase("\"num_train_timesteps\": 0", "'num_train_timesteps' is 0, expected a whole number of at least 1")]
    [TestCase("\"num_train_timesteps\": \"1000\"", "'num_train_timesteps' is \"1000\", expected a whole number")]
    [TestCase("\"num_train_timesteps\": 10.5", "'num_train_timesteps' is 10.5, expected a whole number")]
    [TestCase("\"beta_start\": 0", "'beta_start' is 0, expected a number between 0 and 1, both excluded")]
    [TestCase("\"beta_end\": 1", "'beta_end' is 1, expected a number between 0 and 1, both excluded")]
    [TestCase("\"beta_end\": NaN", "'beta_end' is NaN, expected a number between")]
    [TestCase("\"beta_end\": Infinity", "'beta_end' is Infinity, expected a number between")]
    [TestCase("\"beta_end\": -1e999", "'beta_end' is -1e999, expected a number between")]
    [TestCase("\"clip_sample_range\": -1", "'clip_sample_range' is -1, expected a number above 0")]
    [TestCase("\"clip_sample\": 1", "'clip_sample' is 1, expected true or false")]
    [TestCase("\"steps_offset\": -1", "'steps_offset' is -1, expected a whole number of at least 0")]
    [TestCase("\"beta_schedule\": \"cubic\"", "'beta_schedule' is \"cubic\", expected one of linear, scaled_linear, squaredcos_cap_v2")]
    [TestCase("\"prediction_type\": 3", "'prediction_type' is 3, expected one of epsilon, sample, v_prediction")]
    [TestCase("\"trained_betas\": 0.5", "'trained_betas' is 0.5, expected a list of numbers")]
    [TestCase("\"trained_betas\": [0.5, NaN]", "number 2 of 'trained_betas' is NaN, expected a number between 0 and 1")]
    [TestCase("\"trained_betas\": [0.5, 0.25]", "'trained_betas' has 2 numbers and 'num_train_timesteps' is 1000")]
    [TestCase("\"beta_end\": 0.5, \"beta_end\": 0.5", "has the key 'beta_end' twice")]
    [TestCase("\"_class_name\": \"DDPMScheduler\"", "has the key '_class_name' twice")]
    [TestCase("\"beta_end\": 0.5,, ", "is not valid JSON (line 1, byte ")]
    public void WhatIsWrongIsNamed(string key, string expected)
    {
        var e = Assert.Throws<UserErrorException>(() => Read(key))!;
        Assert.That(e.Message, Does.StartWith($"'{Path}'").And.Contain(expected));
    }

    [TestCase("", "is not valid JSON")]
    [TestCase("[1]", "is no JSON object")]
    [TestCase("{} x", "is not valid JSON")]
    [TestCase("{}", "has no '_class_name'; add it: DDPMScheduler, DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler.")]
    [TestCase(
        "{\"_class_name\": \"EulerDiscreteScheduler\"}",
        "'_class_name' is \"EulerDiscreteScheduler\", expected one of DDPMScheduler, "
    )]
    [TestCase("{\"_class_name\": 7}", "'_class_name' is 7, expected one of")]
    public void ATextThatIsNoConfigurationIsRefused(string text, string expected)
    {
        var e = Assert.Throws<UserErrorException>(() => SchedulerConfig.Read(text, Path))!;
        Assert.That(e.Message, Does.Contain(expected));
    }

    // Half of a surrogate pair is no text; neither is it a defect of the program.
    [TestCase("\"\\ud800\": 1")]
    [TestCase("\"beta_schedule\": \"\\ud800\"")]
    public void ATextThatIsNoUnicodeIsRefused(string key) =>
        Assert.That(Assert.Throws<UserErrorException>(() => Read(key))!.Message, Does.Contain("is no Unicode at offset "));

    // Whatever becomes of a file, reading it ends in a configuration or in a sentence.
    [Test]
    public void ADamagedFileIsRefusedWithASentence()
    {
        var random = TestRandom.ForCurrentTest();
        const string damage = "{}[]\"\\,:0N-eu \n";
        for (var i = 0; i < 4000; i++)
        {
            var text = Odd.ToCharArray();
            for (var hits = random.Below(3); hits >= 0; hits--)
                text[random.Below(text.Length)] = damage[random.Below(damage.Length)];
            try
            {
                _ = SchedulerConfig.Read(new string(text, 0, i % 2 == 0 ? text.Length : random.Below(text.Length)), Path).ToJson();
            }
            catch (UserErrorException e)
            {
                Assert.That(e.Message, Does.StartWith($"'{Path}'").And.EndsWith("."));
            }
        }
    }

    // Words inside of texts are no numbers, and stay.
    [Test]
    public void InfinityInATextIsText()
    {
        const string text = "{\"_class_name\": \"DDPMScheduler\", \"note\": \"to Infinity \\\" and NaN\", \"NaN\": NaN, \"x\": Infinity}";
        Assert.That(
            (SchedulerConfig.Read(text, Path) with { BetaEnd = 0.5 }).ToJson(),
            Does.Contain("\"to Infinity \\\" and NaN\"").And.Contain("\"NaN\": NaN")
        );
    }
}
