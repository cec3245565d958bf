using Lur.Runs;
using Lur.Training;
using Lur.Unlearning;

const string data = "synthetic:train=1000,test=200"; // or a folder: CIFAR binaries, IDX files, a sub-folder of images for each class
var train = new TrainSettings
{
    Data = data,
    Model = "resnet[1,1,1]:w8",
    Output = "out/original",
    Training = new TrainingOptions { Epochs = 8, BatchSize = 32 },
};
var original = new TrainRun(train).Run();
Console.WriteLine($"trained:  {original.Test.Accuracy:F1} % of the test images are classified correctly");

var forget = new ForgetSettings
{
    Model = original.ModelPath,
    Data = data,
    Output = "out/unlearned",
    Forget = ["class:3"],
    Method = new BoundMethod(LearningToUnlearn.Definition, new LurOptions { Epochs = 2, BatchSize = 32 }),
};
var unlearned = new ForgetRun(forget).Run();
Console.WriteLine($"forgot:   {unlearned.Unlearned.Scores.UnlearningAccuracy:F1} % of the forgotten images are misclassified");

var verified = new VerifyRun(
    new VerifySettings
    {
        Runs = [unlearned.Folder],
        RetrainSeeds = [1],
        Attacks = AttackChoice.None,
    }
).Run();
Console.WriteLine($"verified: {verified.Verdict.Sentence}");
Console.WriteLine($"saved:    {unlearned.ModelPath}");
