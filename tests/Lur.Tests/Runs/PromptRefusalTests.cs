using Lur.Runs;
using Lur.Tests.Data;
using Lur.Training;

namespace Lur.Tests.Runs;

/// <summary>Trainings of UNets that are told prompts which are not begun.</summary>
public class PromptRefusalTests
{
    private const string Data = "captions:train=620,test=24";

    [Test]
    public void ACaptionThatIsTooLongIsRefusedInTraining()
    {
        using var temp = new TempFolder();
        Assert.That(
            () =>
                new TrainRun(
                    new TrainSettings
                    {
                        Data = Data,
                        Model = "unet:c8:m1,2:r1:attn12:g4:heads2:x8:tok6:clip1,2",
                        Output = temp["short"],
                        Diffusion = new DiffusionTrainingOptions { Epochs = 1 },
                    }
                ).Run(),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("tokens more than the 6")
        );
        Assert.That(Directory.Exists(temp["short"]) || Directory.Exists(temp["bare"]), Is.False);
    }

    [Test]
    public void ANetworkToldPromptsIsTrainedWithItsEncoder()
    {
        using var temp = new TempFolder();
        Assert.That(
            () =>
                new TrainRun(
                    new TrainSettings
                    {
                        Data = Data,
                        Model = "unet:c8:m1,2:r1:attn12:g4:heads2:x8:tok12",
                        Output = temp["bare"],
                        Diffusion = new DiffusionTrainingOptions { Epochs = 1 },
                    }
                ).Run(),
            Throws.TypeOf<UserErrorException>().With.Message.Contains(":clip2,4")
        );
        Assert.That(Directory.Exists(temp["short"]) || Directory.Exists(temp["bare"]), Is.False);
    }
}
