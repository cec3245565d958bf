using Lur.Runs;
using Lur.Tests.Data;
using Lur.Training;

namespace Lur.Tests.Runs;

/// <summary>Trainings of UNets that are told prompts which are not begun.</summary>
public class PromptRefusalTests
{
    private const string Data = "captions:train=620,test=24";

    [TestCase(
        "unet:c8:m1,2:r1:attn12:g4:heads2:x8:tok6:clip1,2",
        "tokens more than the 6",
        TestName = "ACaptionThatIsTooLongIsRefusedInTraining"
    )]
    [TestCase("unet:c8:m1,2:r1:attn12:g4:heads2:x8:tok12", ":clip2,4", TestName = "ANetworkToldPromptsIsTrainedWithItsEncoder")]
    public void IsRefused(string model, string why)
    {
        using var temp = new TempFolder();
        var settings = new TrainSettings
        {
            Data = Data,
            Model = model,
            Output = temp["out"],
            Diffusion = new DiffusionTrainingOptions { Epochs = 1 },
        };
        Assert.That(() => new TrainRun(settings).Run(), Throws.TypeOf<UserErrorException>().With.Message.Contains(why));
        Assert.That(Directory.Exists(temp["out"]), Is.False);
    }
}
