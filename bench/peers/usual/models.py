from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from peers.database import TABLE


def grade():
    return models.SmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])


def remark():
    no_controls = RegexValidator(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", inverse_match=True)
    return models.CharField(max_length=500, blank=True, validators=[no_controls])


class Grade(models.Model):
    acc_nbr = models.CharField(max_length=32, validators=[RegexValidator(r"^[0-9A-Za-z._@+-]{1,32}\Z")])
    grade1 = grade()
    grade2 = grade()
    grade3 = grade()
    txt1 = remark()
    txt2 = remark()
    txt3 = remark()
    insert_time = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = TABLE
        managed = False

    def __str__(self):
        return f"#{self.pk}"
